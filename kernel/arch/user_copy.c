/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies between the kernel and the current task, range-checked; a fault is a status. */
#include "kernel/arch/cpu.h"

uint64_t copy_user(void *dst, const void *src, uint64_t len);   /* copy.S */

status_t user_copy_in(void *dst, uint64_t user_src, uint64_t len)
{
    if (len == 0)
        return ST_OK;
    if (!range_ok(user_src, len, USER_TOP))
        return ST_FAULT;
    return copy_user(dst, (const void *)user_src, len) == 0 ? ST_OK : ST_FAULT;
}

status_t user_copy_out(uint64_t user_dst, const void *src, uint64_t len)
{
    if (len == 0)
        return ST_OK;
    if (!range_ok(user_dst, len, USER_TOP))
        return ST_FAULT;
    return copy_user((void *)user_dst, src, len) == 0 ? ST_OK : ST_FAULT;
}
