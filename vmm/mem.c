/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: bounds and page-table walk. */
#include "vmm/mem.h"

#include "vmm/start_page.h"

#define CR0_WP     BIT64(16)          /* [SDM3 2.5] */
#define CR0_PG     BIT64(31)
#define CR4_PSE    BIT64(4)
#define CR4_PAE    BIT64(5)
#define CR4_SMEP   BIT64(20)
#define CR4_SMAP   BIT64(21)
#define EFER_LMA   BIT64(10)
#define EFER_NXE   BIT64(11)
#define RFLAGS_AC  BIT64(18)

#define PTE_P      BIT64(0)           /* [SDM3 4.5.4] */
#define PTE_W      BIT64(1)
#define PTE_U      BIT64(2)
#define PTE_A      BIT64(5)
#define PTE_D      BIT64(6)
#define PTE_PS     BIT64(7)
#define PTE_NX     BIT64(63)
#define PTE_ADDR   MASK64(51, 12)

#define PF_P       0x01u              /* [SDM3 4.7] */
#define PF_W       0x02u
#define PF_U       0x04u
#define PF_I       0x10u

void mem_init(struct guest_mem *mem, void *base, uint64_t ram, uint64_t at)
{
    mem->base = base;
    mem->one_to_one = at != 0;
    mem->low = MIN(ram, at != 0 ? GUEST_RAM_BOOT : GUEST_RAM_LOW_MAX);
    mem->high_at = at != 0 ? at : GUEST_RAM_HIGH;
    mem->high = ram > mem->low ? mem->high_at + (ram - mem->low) : 0;
}

void *mem_ptr(const struct guest_mem *mem, gpa_t addr, uint64_t len)
{
    if (range_ok(addr.v, len, mem->low))
        return mem->base + addr.v;
    if (addr.v >= mem->high_at && range_ok(addr.v, len, mem->high))
        return mem->base + addr.v;
    return NULL;
}

status_t mem_read(const struct guest_mem *mem, gpa_t addr, void *dst, uint64_t len)
{
    const void *src = mem_ptr(mem, addr, len);
    if (src == NULL)
        return ST_RANGE;
    memcpy(dst, src, len);
    return ST_OK;
}

status_t mem_write(const struct guest_mem *mem, gpa_t addr, const void *src, uint64_t len)
{
    void *dst = mem_ptr(mem, addr, len);
    if (dst == NULL)
        return ST_RANGE;
    memcpy(dst, src, len);
    return ST_OK;
}

status_t mem_zero(const struct guest_mem *mem, gpa_t addr, uint64_t len)
{
    void *dst = mem_ptr(mem, addr, len);
    if (dst == NULL)
        return ST_RANGE;
    memset(dst, 0, len);
    return ST_OK;
}

/* One paging mode: the width of entries, index bits per level, where to begin. */
struct walk_mode {
    unsigned levels, index_bits, entry_size;
    uint64_t root;
};

static struct walk_mode walk_mode_of(const struct mem_paging *paging)
{
    if (paging->efer & EFER_LMA)
        return (struct walk_mode){ 4, 9, 8, paging->cr3 & PTE_ADDR };
    if (paging->cr4 & CR4_PAE)
        return (struct walk_mode){ 3, 9, 8, paging->cr3 & 0xffffffe0u };
    return (struct walk_mode){ 2, 10, 4, paging->cr3 & 0xfffff000u };
}

static uint64_t entry_load(const void *slot, unsigned size)
{
    if (size == 4)
        return __atomic_load_n((const uint32_t *)slot, __ATOMIC_RELAXED);
    return __atomic_load_n((const uint64_t *)slot, __ATOMIC_RELAXED);
}

/* The CPU's locked OR; another vCPU may change the entry meanwhile. */
static void entry_mark(void *slot, unsigned size, uint64_t bits)
{
    if (size == 4)
        __atomic_fetch_or((uint32_t *)slot, (uint32_t)bits, __ATOMIC_RELAXED);
    else
        __atomic_fetch_or((uint64_t *)slot, bits, __ATOMIC_RELAXED);
}

/* Rights that all levels gave: W, U and not NX. */
static bool rights_ok(const struct mem_paging *paging, uint64_t rights, unsigned access)
{
    bool user = paging->user && !(access & WALK_SYSTEM);
    bool user_page = (rights & PTE_U) != 0;
    if (user && !user_page)
        return false;
    if ((access & WALK_WRITE) && !(rights & PTE_W) && (user || (paging->cr0 & CR0_WP)))
        return false;
    if (access & WALK_FETCH) {
        if (rights & PTE_NX)
            return false;
        return user || !user_page || !(paging->cr4 & CR4_SMEP);
    }
    if (!user && user_page && (paging->cr4 & CR4_SMAP))
        return !(access & WALK_SYSTEM) && (paging->rflags & RFLAGS_AC);
    return true;
}

static uint32_t fault_code(const struct mem_paging *paging, unsigned access, bool present)
{
    bool id = (paging->cr4 & CR4_SMEP) || ((paging->efer & EFER_NXE) && (paging->cr4 & CR4_PAE));
    return (present ? PF_P : 0) | (access & WALK_WRITE ? PF_W : 0)
           | (paging->user && !(access & WALK_SYSTEM) ? PF_U : 0)
           | ((access & WALK_FETCH) && id ? PF_I : 0);
}

/* Is this entry a leaf, and of what size? */
static bool is_leaf(const struct mem_paging *paging, const struct walk_mode *mode, unsigned level, uint64_t entry)
{
    if (level == 0)
        return true;
    if (!(entry & PTE_PS))
        return false;
    if (mode->entry_size == 4)
        return level == 1 && (paging->cr4 & CR4_PSE);
    return level == 1 || (level == 2 && mode->levels == 4);
}

static uint64_t leaf_address(const struct walk_mode *mode, unsigned level, uint64_t entry, uint64_t va)
{
    unsigned shift = 12 + level * mode->index_bits;
    uint64_t low = (UINT64_C(1) << shift) - 1;
    if (mode->entry_size == 4 && level == 1)      /* PSE-36: bits 20:13 are 39:32 [SDM3 4.3] */
        return (entry & MASK64(31, 22)) | FIELD_GET(MASK64(20, 13), entry) << 32 | (va & low);
    return (entry & PTE_ADDR & ~low) | (va & low);
}

/* PAE's four top entries have no rights and no accessed bit [SDM3 4.4.1]. */
static bool has_rights(const struct walk_mode *mode, unsigned level) { return !(mode->levels == 3 && level == 2); }

static status_t walk_tables(const struct guest_mem *mem, const struct mem_paging *paging,
                            const struct walk_mode *mode, uint64_t va, unsigned access,
                            gpa_t *out, uint32_t *error)
{
    uint64_t table = mode->root, rights = PTE_W | PTE_U;
    for (unsigned level = mode->levels; level-- > 0;) {
        uint64_t index = va >> (12 + level * mode->index_bits);
        index &= mode->levels == 3 && level == 2 ? 3u : (1u << mode->index_bits) - 1;
        void *slot = mem_ptr(mem, (gpa_t){ table + index * mode->entry_size }, mode->entry_size);
        if (slot == NULL)
            return ST_RANGE;
        uint64_t entry = entry_load(slot, mode->entry_size);
        if (!(entry & PTE_P)) {
            *error = fault_code(paging, access, false);
            return ST_FAULT;
        }
        if (has_rights(mode, level)) {
            rights &= entry | ~(PTE_W | PTE_U);
            if (mode->entry_size == 8 && (paging->efer & EFER_NXE))
                rights |= entry & PTE_NX;
        }
        bool leaf = is_leaf(paging, mode, level, entry);
        if (leaf && !rights_ok(paging, rights, access)) {
            *error = fault_code(paging, access, true);
            return ST_FAULT;
        }
        uint64_t mark = PTE_A | (leaf && (access & WALK_WRITE) ? PTE_D : 0);
        if (has_rights(mode, level) && (entry & mark) != mark)
            entry_mark(slot, mode->entry_size, mark);
        if (leaf) {
            *out = (gpa_t){ leaf_address(mode, level, entry, va) };
            return ST_OK;
        }
        table = mode->entry_size == 4 ? entry & 0xfffff000u : entry & PTE_ADDR;
    }
    return ST_CORRUPT;                            /* not reached: level 0 is a leaf */
}

status_t mem_walk(const struct guest_mem *mem, const struct mem_paging *paging, uint64_t va,
                  unsigned access, gpa_t *out, uint32_t *error)
{
    *error = 0;
    if (!(paging->cr0 & CR0_PG)) {
        *out = (gpa_t){ va & 0xffffffffu };
        return ST_OK;
    }
    struct walk_mode mode = walk_mode_of(paging);
    if (mode.levels != 4)
        va &= 0xffffffffu;
    return walk_tables(mem, paging, &mode, va, access, out, error);
}
