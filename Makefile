# SPDX-License-Identifier: BSD-2-Clause
# The whole build. `make help` lists the targets.
VERSION := 0.1
CC      := gcc
HOSTCC  := $(CC)
LD      := ld
OBJCOPY := objcopy
B       := build

MAKEFLAGS += -rR -j$(shell nproc 2>/dev/null || echo 2) --no-print-directory
.DELETE_ON_ERROR:
.SECONDARY:
all: $(B)/kernel.elf $(B)/cordon-mb.elf $(B)/BOOTX64.EFI $(B)/bios.bin $(B)/mkimage

# ---- sources, by component -------------------------------------------------
LIB_SRC     := $(addprefix kernel/lib/, fmt.c idpool.c str.c)
KERNEL_SRC  := $(addprefix kernel/, main.c smp.c) $(addprefix kernel/arch/, ap.S boot.c copy.S entry.S features.c \
              fpu.c head.S ktimer.c lapic.c spec.c spec_entry.S switch.S tables.c trap.c tsc.c) \
              $(addprefix kernel/dev/, dev.c dev_bar.c dev_reserved.c) $(addprefix kernel/irq/, intx.c ioapic.c irq.c irq_route.c) \
              $(addprefix kernel/log/, console.c panic.c) $(addprefix kernel/mm/, \
              bootmem.c extent.c fmt_x86.c kmap.c pmm.c ptab.c \
              space.c umem.c) $(addprefix kernel/obj/, event.c memory.c obj.c task.c) \
              $(addprefix kernel/sched/, sched.c thread.c) $(addprefix kernel/sys/, blobs.S sys.c sys_call.c sys_dev.c \
              sys_info.c sys_mem.c sys_obj.c sys_power.c sys_root.c sys_vm.c) $(addprefix kernel/virt/, backend.c vcpu.c vcpu_msr.c \
              vlapic.c vlapic_icr.c vlapic_reg.c vlapic_timer.c vm.c vm_cpuid.c) $(addprefix kernel/virt/svm/, \
              svm_caps.c svm_entry.S svm_event.c svm_exit.c svm_fast.c svm_msr.c svm_run.c svm_state.c) $(addprefix kernel/virt/vmx/, \
              vmx_caps.c vmx_entry.S vmx_event.c vmx_exit.c vmx_fast.c vmx_run.c vmx_state.c)
PCI_SRC     := $(addprefix drivers/pci/, bar.c cap.c cfgpolicy.c ecam.c group.c msix.c reset.c scan.c)
IOMMU_SRC   := $(addprefix drivers/iommu/, dom.c fault.c iommu.c ir.c) $(addprefix drivers/iommu/vtd/, dmar.c vtd.c vtd_ctx.c \
              vtd_fault.c vtd_inv.c vtd_ir.c vtd_unit.c) $(addprefix drivers/iommu/amdvi/, amdvi.c \
              amdvi_cmd.c amdvi_dte.c amdvi_event.c amdvi_ir.c amdvi_unit.c ivrs.c)
RT_SRC      := kernel/abi/rt/crt0.S
AML_SRC     := $(addprefix monitor/, aml.c aml_arith.c aml_eval.c aml_names.c aml_prt.c aml_term.c)
MONITOR_SRC := $(AML_SRC) $(addprefix monitor/, build.c build_task.c build_vm.c cmd_devices.c cmd_machine.c \
              cmd_manifest.c cmd_power.c cmd_vms.c console.c diag.c entry.c explain.c facts.c fault_text.c firmware.c guestio.c \
              image.c lineedit.c main.c manifest.c manifest_pci.c manifest_value.c name.c policy.c policy_devices.c policy_intx.c \
              policy_files.c policy_slots.c shell.c slots.c spec.c \
              supervise.c vmm_image.c)
VMM_SRC     := $(addprefix vmm/, acpi.c alu.c aml.c boot_image.c bus.c cpuid.c cr.c dsdt.c emu.c emu_string.c \
              guest.c host.c hostbridge.c insn.c insn_table.c ioapic.c load_elf.c load_linux.c load_multiboot.c \
              log.c main.c mem.c msr.c mtrr.c pic.c pit.c platform.c pm.c rtc.c run.c run_exit.c state_check.c uart.c vmsi.c \
              vpci.c vpci_bar.c vpci_image.c)
# Loaders: programs of their own, none of it linked into the kernel.
LOADER_SRC  := $(addprefix kernel/boot/, acpi.c acpi_fadt.c acpi_madt.c acpi_mcfg.c acpi_spcr.c blob.S clock.c image.c \
              jump.S memmap.c say.c)
UEFI_SRC    := $(addprefix kernel/boot/, uefi.c uefi_file.c uefi_memory.c uefi_print.c modules.c)
MB_SRC      := $(addprefix kernel/boot/, mb_entry.S mb_info.c mb_main.c)
BIOS_SRC    := $(addprefix kernel/boot/, bios_mbr.S bios_low.S bios.c bios_disk.c bios_print.c fat.c volume.c modules.c)
CHECK_SRC   := monitor/manifest.c monitor/manifest_pci.c monitor/manifest_value.c monitor/diag.c monitor/explain.c \
               monitor/name.c kernel/lib/fmt.c kernel/lib/str.c
UEFI_LIB    := $(CHECK_SRC)
GUEST_LIB   := $(sort $(wildcard tests/guest/lib/*.c tests/guest/lib/*.S)) kernel/lib/fmt.c kernel/lib/str.c
GUEST_SRC   := $(sort $(wildcard tests/guest/*.c tests/bench/*.c))
UNIT_SRC    := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC    := $(sort $(wildcard tests/fuzz/fuzz_*.c))

# ---- flags -----------------------------------------------------------------
IS_CLANG := $(findstring clang,$(CC))
WARN  := -Werror -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wcast-qual -Wpointer-arith \
         -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations -Wwrite-strings -Wformat=2 \
         -Wimplicit-fallthrough -Wswitch-enum $(if $(IS_CLANG),,-Wlogical-op -Wduplicated-cond)
CPPFLAGS := -I. -MMD -MP -DCORDON_VERSION='"$(VERSION)"'
FREE  := -std=c11 -ffreestanding -O2 -g -ffile-prefix-map=$(CURDIR)=. -mgeneral-regs-only -mno-red-zone -fno-common \
         -fno-jump-tables -fno-strict-aliasing -fno-delete-null-pointer-checks -fcf-protection=none \
         -fno-asynchronous-unwind-tables -Wframe-larger-than=1024 $(WARN)
GUARD := -fstack-protector-strong -mstack-protector-guard=global
KCFLAGS := $(FREE) $(GUARD) -mcmodel=kernel -fno-pic -fno-pie
UCFLAGS := $(FREE) $(GUARD) -fno-pic -fno-pie
ECFLAGS := $(FREE) -fno-stack-protector -fpie -fvisibility=hidden -fshort-wchar
GCFLAGS := $(FREE) -fno-stack-protector -fno-pic -fno-pie
HCFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror
SAN     := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
XCFLAGS := $(HCFLAGS) $(SAN) -fno-builtin -DCORDON_HOST -Itests/unit/fake -Itests/unit
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none

# ---- objects: build/<world>/<source>.o --------------------------------------
obj = $(addprefix $(B)/$(1)/, $(addsuffix .o, $(basename $(2))))
K_OBJ := $(call obj,k,$(KERNEL_SRC) $(PCI_SRC) $(IOMMU_SRC) $(LIB_SRC))
M_OBJ := $(call obj,u,$(MONITOR_SRC) $(RT_SRC) $(LIB_SRC))
V_OBJ := $(call obj,u,$(VMM_SRC) $(RT_SRC) $(LIB_SRC))
E_OBJ := $(call obj,e,$(UEFI_SRC) $(LOADER_SRC) $(UEFI_LIB))
MB_OBJ := $(call obj,e,$(MB_SRC) $(LOADER_SRC) kernel/lib/fmt.c kernel/lib/str.c)
BIOS_OBJ := $(call obj,e,$(BIOS_SRC) $(LOADER_SRC) $(UEFI_LIB))
G_LIB := $(call obj,g,$(GUEST_LIB))

# $(1) world, $(2) flags
define WORLD
$(B)/$(1)/%.o: %.c $(B)/flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)$(CC) $(2) $(CPPFLAGS) -c -o $$@ $$<
$(B)/$(1)/%.o: %.S $(B)/flags
	@mkdir -p $$(@D)
	$$(call say,AS,$$@)$(CC) $(2) $(CPPFLAGS) -D__ASSEMBLY__ $(if $(IS_CLANG),-fno-integrated-as) -Wa,-I$(B) -c -o $$@ $$<
endef
say = @$(if $(V),,printf '  %-5s %s\n' $(1) $(2);)
$(foreach w,k:KCFLAGS u:UCFLAGS e:ECFLAGS g:GCFLAGS x:XCFLAGS,$(eval $(call WORLD,$(word 1,$(subst :, ,$(w))),$($(word 2,$(subst :, ,$(w)))))))

# Everything is rebuilt when compiler or flags change.
FLAGS := $(CC) $(CPPFLAGS) $(KCFLAGS) $(UCFLAGS) $(ECFLAGS) $(GCFLAGS) $(XCFLAGS)
$(B)/flags: FORCE
	@mkdir -p $(B); printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@
FORCE:

# ---- images ----------------------------------------------------------------
$(B)/monitor.full: linker/user.ld $(M_OBJ)
$(B)/vmm.full: linker/user.ld $(V_OBJ)
$(B)/monitor.full $(B)/vmm.full:
	$(call say,LD,$@)$(LD) $(LDFLAGS) -T $< -o $@ $(filter %.o,$^)
$(B)/vmm.elf: $(B)/vmm.full
	@$(OBJCOPY) -S $< $@
$(B)/monitor.bin: $(B)/monitor.full
	@$(OBJCOPY) -O binary $< $@
$(B)/k/kernel/sys/blobs.o: $(B)/monitor.bin $(B)/vmm.elf
$(B)/kernel.elf: linker/kernel.ld $(K_OBJ)
	$(call say,LD,$@)$(LD) $(LDFLAGS) -T $< -o $@ $(filter %.o,$^)
$(B)/kernel.stripped: $(B)/kernel.elf
	@$(OBJCOPY) -S $< $@
$(B)/e/kernel/boot/blob.o: $(B)/kernel.stripped
# A Multiboot loader takes 32-bit ELF files.
$(B)/cordon-mb.full: linker/multiboot.ld $(MB_OBJ)
	$(call say,LD,$@)$(LD) $(LDFLAGS) -T $< -o $@ $(filter %.o,$^)
$(B)/cordon-mb.elf: $(B)/cordon-mb.full
	@$(OBJCOPY) -S -O elf32-i386 $< $@
# Boot code for the stick: MBR and what lies before the volume.
$(B)/bios.elf: linker/bios.ld $(BIOS_OBJ)
	$(call say,LD,$@)$(LD) $(LDFLAGS) --no-warn-rwx-segments -T $< -o $@ $(filter %.o,$^)
$(B)/bios.bin: $(B)/bios.elf
	@$(OBJCOPY) -O binary $< $@
$(B)/uefi.elf: linker/efi.ld $(E_OBJ)
	$(call say,LD,$@)$(LD) $(filter-out -static,$(LDFLAGS)) -pie --no-dynamic-linker -z text -z norelro -T $< -o $@ $(filter %.o,$^)
$(B)/BOOTX64.EFI: $(B)/uefi.elf $(B)/mkefi
	$(call say,PE,$@)$(B)/mkefi $< $@

# ---- host tools ------------------------------------------------------------
$(B)/mkimage: linker/mkimage.c linker/fat.c linker/gpt.c linker/mkimage.h
$(B)/mkefi: linker/mkefi.c
$(B)/run: tests/run.c tests/run_cfg.c tests/run_case.c tests/run_qemu.c tests/run_bochs.c tests/run_nv.c tests/run.h tests/run_case.h
$(B)/httpd: tests/demo/httpd.c
$(B)/cordon-check: monitor/check_main.c $(CHECK_SRC)
$(B)/host/cordon-acpi: tests/acpi/acpi_main.c $(AML_SRC) drivers/iommu/vtd/dmar.c drivers/iommu/amdvi/ivrs.c
$(B)/mkimage $(B)/mkefi $(B)/run $(B)/httpd $(B)/cordon-check $(B)/host/cordon-acpi: $(B)/flags
	@mkdir -p $(@D)
	$(call say,HOST,$@)$(HOSTCC) $(HCFLAGS) -D_GNU_SOURCE -I. -o $@ $(filter %.c,$^)

# ---- host tests: the first lines of a test name what it links ---------------
links := $(shell awk 'FNR == 1 { on = 0 } FNR <= 30 { if (sub(/.*\/\* link:/, "")) on = 1; \
    if (on) { end = sub(/\*\/.*/, ""); n = split($$0, w, /[ \t]+/); for (i = 1; i <= n; i++) if (w[i] ~ /\.[cS]$$/) print FILENAME ":" w[i]; if (end) on = 0 } }' \
    $(UNIT_SRC) $(FUZZ_SRC) /dev/null)
links_of = $(patsubst $(1):%,%,$(filter $(1):%,$(links)))
define HOST_TEST
$(B)/$(basename $(1)): $(call obj,x,$(1) $(call links_of,$(1)) $(2))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$(CC) $(SAN) -o $$@ $$^
endef
$(foreach t,$(UNIT_SRC),$(eval $(call HOST_TEST,$(t),tests/unit/unit.c)))
$(foreach t,$(FUZZ_SRC),$(eval $(call HOST_TEST,$(t),tests/fuzz/driver.c tests/unit/unit.c)))
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)

# ---- test guests -----------------------------------------------------------
GUEST_ELF := $(addprefix $(B)/guests/,$(addsuffix .elf,$(notdir $(basename $(GUEST_SRC)))))
define GUEST
$(B)/guests/$(notdir $(basename $(1))).elf: linker/guest.ld $(call obj,g,$(1)) $(G_LIB)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(LD) $(LDFLAGS) -T $$< -o $$@.64 $$(filter %.o,$$^)
	@$(OBJCOPY) -S -O elf32-i386 $$@.64 $$@
endef
$(foreach g,$(GUEST_SRC),$(eval $(call GUEST,$(g))))

# ---- demo guests and stick ---------------------------------------------------
G := $(B)/guests
$(G)/fetched: tests/demo/fetch.sh
	@mkdir -p $(G); sh $< $(G)
$(G)/%.img: tests/demo/%.init tests/demo/udhcpc.script $(G)/fetched $(B)/mkimage
	@$(B)/mkimage cpio $@ init=$< udhcpc.script=tests/demo/udhcpc.script bin/busybox=$(G)/busybox dev/console=c5:1 \
	    dev/null=c1:3 proc/ sys/ $$([ $* = net ] && for m in order $$(cat $(G)/modules/order); do echo modules/$$m=$(G)/modules/$$m; done)
	$(call say,CPIO,$@)
$(G)/boot_init: $(B)/g/tests/bench/boot_init.o
	@$(LD) $(LDFLAGS) -o $@ $<
$(G)/bench.img: $(G)/boot_init $(B)/mkimage
	@$(B)/mkimage cpio $@ init=$< dev/console=c5:1
STICK_FILES := guests/vmlinuz=$(G)/vmlinuz guests/vmlinuz-cloud=$(G)/vmlinuz-cloud guests/storage.img=$(G)/storage.img \
               guests/net.img=$(G)/net.img
$(B)/cordon.img: $(B)/BOOTX64.EFI $(B)/bios.bin tests/demo/cordon.conf $(G)/storage.img $(G)/net.img $(B)/mkimage $(B)/cordon-check
	@$(B)/cordon-check tests/demo/cordon.conf >/dev/null
	$(call say,STICK,$@)$(B)/mkimage stick $@ -bios=$(B)/bios.bin EFI/BOOT/BOOTX64.EFI=$< cordon.conf=tests/demo/cordon.conf $(STICK_FILES)
$(B)/nvme.img: $(B)/mkimage
	@$(B)/mkimage fill $@ 16
$(B)/nvme-small.img: $(B)/mkimage
	@$(B)/mkimage fill $@ 2
# What the system cases need beside the demo: cut and empty files, and a VMM that goes wild when told so.
$(G)/vmlinuz $(G)/vmlinuz-cloud $(G)/busybox: $(G)/fetched ;
$(G)/cut.%: $(G)/%
	@head -c 16000 $< >$@
$(G)/empty:
	@mkdir -p $(@D); : >$@
$(G)/large: $(B)/mkimage
	@mkdir -p $(@D); $(B)/mkimage fill $@ 64
$(B)/wild.full: linker/user.ld $(V_OBJ) $(call obj,u,tests/system/wild.c)
	$(call say,LD,$@)$(LD) $(LDFLAGS) --wrap=user_main -T $< -o $@ $(filter %.o,$^)
$(B)/wild.elf: $(B)/wild.full
	@$(OBJCOPY) -S $< $@
# Boot code with that VMM inside: a stick brings no VMM of its own.
W := $(B)/wild
$(W)/vmm.elf: $(B)/wild.elf
	@mkdir -p $(@D); cp $< $@
$(W)/blobs.o: kernel/sys/blobs.S $(W)/vmm.elf $(B)/monitor.bin
$(W)/blob.o: kernel/boot/blob.S $(W)/kernel.stripped
$(W)/blobs.o $(W)/blob.o:
	@$(CC) $(KCFLAGS) $(CPPFLAGS) -D__ASSEMBLY__ $(if $(IS_CLANG),-fno-integrated-as) -Wa,-I$(W),-I$(B) -c -o $@ $<
$(W)/kernel.stripped: linker/kernel.ld $(filter-out %/blobs.o,$(K_OBJ)) $(W)/blobs.o
	$(call say,LD,$@)$(LD) $(LDFLAGS) -s -T $< -o $@ $(filter %.o,$^)
$(W)/bios.bin: linker/bios.ld $(filter-out %/blob.o,$(BIOS_OBJ)) $(W)/blob.o
	$(call say,LD,$@)$(LD) $(LDFLAGS) --no-warn-rwx-segments -T $< -o $@.elf $(filter %.o,$^) && $(OBJCOPY) -O binary $@.elf $@
# Firmware that locks VT-x off.
$(B)/vmx_off.rom: $(B)/g/tests/system/vmx_off.o
	@$(OBJCOPY) -O binary $< $@
case-files: $(B)/vmx_off.rom $(G)/cut.vmlinuz $(G)/cut.puppet.elf $(G)/empty $(G)/large $(B)/wild.elf $(W)/bios.bin
demo-files: $(G)/bench.img $(G)/storage.img $(G)/net.img $(B)/nvme.img $(B)/nvme-small.img $(B)/httpd
# Rig NV: a Linux that runs KVM in Bochs, saved when it is up. Only for runs that have its cases.
$(B)/nv/preload.so: tests/nv/preload.c
$(B)/nv/carrier: tests/nv/carrier.c
$(B)/nv/preload.so $(B)/nv/carrier: $(B)/flags
	@mkdir -p $(@D)
	$(call say,HOST,$@)$(HOSTCC) $(HCFLAGS) -D_GNU_SOURCE $(if $(filter %.so,$@),-shared -fPIC) -o $@ $(filter %.c,$^)
$(B)/nv/state: $(addprefix tests/nv/, setup.sh init boot.S bochsrc) $(B)/nv/preload.so $(B)/nv/carrier $(G)/fetched | $(B)/mkimage
	$(call say,NV,$@)CC="$(HOSTCC)" sh $< $(B)
NV := $(if $(T),$(findstring nv-,$(T))$(filter system system/*,$(T)),yes)
ifneq ($(filter run test bench,$(MAKECMDGOALS)),)
$(B)/flags $(G)/fetched: | $(B)/setup.ok
endif
$(B)/setup.ok: tests/setup.sh
	@sh $< $@

# ---- targets ---------------------------------------------------------------
.PHONY: all acpi check lint test-unit fuzz test run bench image size help clean guests demo-files case-files unit-bin print-sources print-kernel FORCE
IMAGES := $(B)/kernel.elf $(B)/cordon-mb.elf $(B)/BOOTX64.EFI $(B)/bios.bin $(B)/mkimage $(B)/cordon-check $(B)/host/cordon-acpi
# The runner's order of names: lint unit fuzz system. T="unit/test_fmt system/*" picks some.
check: $(B)/run $(IMAGES) $(UNIT_BIN)
	@$(B)/run lint unit
lint: $(B)/run $(IMAGES)
	@$(B)/run lint
unit-bin: $(UNIT_BIN)
test-unit: $(B)/run $(UNIT_BIN) $(B)/host/cordon-acpi
	@$(B)/run unit
acpi: $(B)/host/cordon-acpi
fuzz: $(B)/run $(FUZZ_BIN)
	@$(B)/run fuzz
guests: $(GUEST_ELF)
test: $(B)/run $(IMAGES) $(UNIT_BIN) $(FUZZ_BIN) $(GUEST_ELF) $(B)/cordon.img demo-files case-files $(if $(NV),$(B)/nv/state)
	@$(B)/run $(T)
image: $(B)/cordon.img
	@echo "$(B)/cordon.img: dd if=$(B)/cordon.img of=/dev/YOUR-STICK bs=4M conv=fsync"
run: $(B)/cordon.img demo-files
	@sh tests/demo/run.sh $(B) $(QEMUFLAGS)
bench: $(B)/run $(IMAGES) $(GUEST_ELF) demo-files $(G)/bench.img
	@sh tests/bench/bench.sh $(B)
size: $(B)/kernel.elf $(B)/BOOTX64.EFI
	@sh tests/lint/size.sh
print-sources:
	@echo $(KERNEL_SRC) $(TRACE_OFF) $(PCI_SRC) $(IOMMU_SRC) $(LIB_SRC) $(RT_SRC) $(MONITOR_SRC) $(VMM_SRC) $(LOADER_SRC) $(UEFI_SRC) $(MB_SRC) $(BIOS_SRC) monitor/check_main.c
print-kernel:
	@echo $(KERNEL_SRC) $(PCI_SRC) $(IOMMU_SRC) $(LIB_SRC)
clean:
	rm -rf $(B)
help:
	@echo "make            kernel, monitor, vmm, loaders (CC=clang works too)"
	@echo "make run        boot the demo in QEMU, two Linux guests; fetches what is missing"
	@echo "make test       every test there is; fetches what is missing; T='unit/*' picks some"
	@echo "make check      lints and unit tests, under a minute"
	@echo "make lint | test-unit | fuzz      one ring"
	@echo "make image      build/cordon.img for dd to a USB stick"
	@echo "make bench      the figures of docs/performance.md, on SVM (QEMU) and VT-x (Bochs)"
	@echo "make size       code lines and bytes by component"
	@echo "make guests     our own test guests"
	@echo "make acpi       build/host/cordon-acpi: prints what Cordon understands of ACPI table files"
	@echo "make clean      forget build/          V=1 shows commands"

-include $(shell find $(B) -name '*.d' 2>/dev/null)
