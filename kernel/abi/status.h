/* SPDX-License-Identifier: BSD-2-Clause */
/* The one list of status codes; every call that can fail returns one. */
#pragma once

/*      name         value  what a person reads */
#define STATUS_LIST(X) \
    X(OK,             0, "done") \
    X(INVAL,          1, "an argument is malformed") \
    X(NOCAP,          2, "the slot holds no capability") \
    X(TYPE,           3, "the capability is of another type") \
    X(RIGHTS,         4, "the capability lacks the right") \
    X(RANGE,          5, "an address, length or index is out of range") \
    X(NOSPACE,        6, "a fixed resource is used up") \
    X(BUSY,           7, "the object is in use") \
    X(STATE,          8, "the object is in the wrong state for this") \
    X(OVERLAP,        9, "the range overlaps an existing one") \
    X(NOTFOUND,      10, "there is no such thing") \
    X(TIMEOUT,       11, "hardware or a peer did not answer in time") \
    X(FAULT,         12, "a user address is not mapped as needed") \
    X(UNSUPP,        13, "this machine or build lacks the feature") \
    X(HW,            14, "hardware reported an error") \
    X(NOIOMMU,       15, "no working IOMMU covers the function") \
    X(NOIR,          16, "the IOMMU cannot remap interrupts") \
    X(NORESET,       17, "the function has no reset that works") \
    X(QUARANTINED,   18, "the function is quarantined") \
    X(ABSENT,        19, "the function does not answer") \
    X(RESERVED,      20, "firmware reserves memory for the function") \
    X(AGAIN,         21, "nothing available now") \
    X(KILLED,        22, "the task is being ended") \
    X(CORRUPT,       23, "the data contradicts itself")

typedef enum {
#define X(n, v, s) ST_##n = (v),
    STATUS_LIST(X)
#undef X
    ST_COUNT
} status_t;

struct status_words { const char *name, *text; };      /* short name; one sentence for a person */

static inline struct status_words status_words(unsigned long st)
{
    switch (st) {
#define X(n, v, s) case (v): return (struct status_words){ #n, s };
    STATUS_LIST(X)
#undef X
    default: return (struct status_words){ "?", "unknown status" };
    }
}

static inline const char *status_name(unsigned long st) { return status_words(st).name; }
static inline const char *status_text(unsigned long st) { return status_words(st).text; }
