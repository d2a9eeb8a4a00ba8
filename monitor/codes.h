/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every code that a refusal, warning or guest's end can carry. A code never
 * changes its meaning and is never used again for something else.
 *   M text of the manifest   F functions   I isolation   S slots
 *   R resources              B start       G a guest's end
 */
#pragma once

/*    code   what it means                                             what to do */
#define CODE_LIST_M(X) \
    X(M001, "The manifest holds a byte that is not UTF-8 text.", \
            "Save the file as plain UTF-8 text; remove the character at the place shown.") \
    X(M002, "The manifest is larger than 64 KiB.", \
            "Shorten it: the limit is on the whole file, comments included.") \
    X(M003, "A line is neither a [section], a key = value, nor a comment.", \
            "Write 'key = value', or put # in front to make it a comment.") \
    X(M004, "There is no section of that kind.", \
            "Sections are [cordon] and [vm NAME].") \
    X(M005, "A section line is malformed.", \
            "Write [cordon] or [vm NAME] alone on the line.") \
    X(M006, "A guest's name is not usable.", \
            "Use 1 to 31 letters, digits, '-', '_' or '.', beginning with a letter or digit.") \
    X(M007, "Two guests have one name.", \
            "Give each [vm NAME] section its own name. The first one keeps it.") \
    X(M008, "There are more guests than Cordon can run.", \
            "Remove sections: the limit is 32.") \
    X(M009, "A key stands before the first section.", \
            "Put it under [cordon] or under a [vm NAME] line.") \
    X(M010, "There is no key of that name.", \
            "Use the key that is suggested, or see the list in docs/manifest.md.") \
    X(M011, "The key exists, but not in this section.", \
            "Move the line to the section that is named.") \
    X(M012, "A key that may be given once is given twice.", \
            "Remove one of the two lines.") \
    X(M013, "A key has no value.", \
            "Write a value after '=', or remove the line.") \
    X(M014, "A value is not a number in the range that the key takes.", \
            "Write a plain decimal number in the range that is named.") \
    X(M015, "A value is not a size.", \
            "Write a number with K, M or G, such as 512M. Guest memory is a multiple of 2M.") \
    X(M016, "A value is not a CPU list.", \
            "Write CPU numbers and ranges such as 1,3-5, each CPU once, at most 16.") \
    X(M017, "A value is not the path of a file on the stick.", \
            "Write it from the stick's root with '/', such as guests/vmlinuz.") \
    X(M018, "A value is not one of the words that the key takes.", \
            "Use one of the words that are listed in the message.") \
    X(M019, "A guest lacks a key that it needs.", \
            "Add the line: every guest needs cpus, memory and kernel.") \
    X(M020, "The manifest is written for another version of the format.", \
            "This Cordon reads version 1. No guest starts from another version.") \
    X(M021, "A repeated key is given more often than there is room for.", \
            "Remove lines: the limit is in the message.") \
    X(M022, "A value is too long.", \
            "Shorten it: the limit is in the message.") \
    X(M023, "A function's name is malformed.", \
            "Write path=00:1c.0/00.0, 0000:03:00.0, 03:00.0, 3/0/0 or id=8086:10d3.") \
    X(M024, "There is no such word in a pci line.", \
            "Words are a function's name, id=, slot=, functions=all, reset=none, reserved=map, irq=none, irq=intx, gsi=.") \
    X(M025, "A slot is malformed.", \
            "Write slot=DD.F, device in hexadecimal 00 to 1f, function 0 to 7, such as slot=05.0.") \
    X(M026, "A word is given twice in one pci line, or the line names two functions.", \
            "Name one function a line; id= may stand beside a path or an address as a guard.") \
    X(M027, "The manifest asks for something that this version of Cordon cannot do yet.", \
            "Remove the line or use the value that is named; nothing is ignored silently.") \
    X(M028, "Device access without an IOMMU was asked for.", \
            "The guest's functions reach all memory of the machine. Remove 'dma = unprotected' to end that.") \
    X(M029, "The section [cordon] appears twice.", \
            "Keep one [cordon] section and move the keys there.") \
    X(M030, "The manifest has no guest.", \
            "Add a [vm NAME] section; 'devices' lists what can be given to it.") \
    X(M031, "A file was loaded that no guest uses.", \
            "Name it in the manifest or leave it out; it only costs memory.") \
    X(M032, "The manifest is UTF-16 text.", \
            "Save it again with the encoding UTF-8.") \
    X(M033, "More mistakes were found than are listed.", \
            "Correct those shown and check again.")

#define CODE_LIST_F(X) \
    X(F101, "A function is named twice.", \
            "A function has one owner: remove one of the two lines. Until then neither guest starts.") \
    X(F102, "The machine has no such function.", \
            "See 'devices'. If cards were moved, bus numbers changed: name it by path=.") \
    X(F103, "The function at that place is not the one that id= expects.", \
            "A card was moved or replaced. Check 'devices', then correct the name or the id=.") \
    X(F104, "id= matches more than one function.", \
            "Name it by the path= of the one that is meant; all are listed.") \
    X(F105, "The function is a bridge.", \
            "Bridges stay with Cordon. Name the function behind it.") \
    X(F106, "The function is the host bridge or a part of the chipset that the machine needs.", \
            "It cannot be given to a guest.") \
    X(F107, "The function is an IOMMU.", \
            "It protects the machine from the guests and cannot be given to one.") \
    X(F108, "The function is in a PCI segment other than 0.", \
            "Only segment 0 is supported. Use a card in a slot of segment 0.") \
    X(F109, "The function does not answer.", \
            "It is powered off (D3cold) or broken: reads give all ones. Power-cycle the machine.") \
    X(F110, "The function is a VGA display controller.", \
            "Legacy VGA ranges cannot be given away yet. Use a card of display class 0380.") \
    X(F111, "The function is quarantined.", \
            "A reset or flush did not complete. It stays blocked until the machine is power-cycled.") \
    X(F112, "The kernel does not let the function be assigned.", \
            "The status in the message is the kernel's own; 'device' shows the facts.") \
    X(F113, "The function has neither MSI nor MSI-X, and where its interrupt line goes is not known.", \
            "Name the line by 'gsi=', use another function, or 'irq=none' for a driver that polls.") \
    X(F114, "The guest has more functions than fit.", \
            "A guest takes 16 functions; spread them over several guests.") \
    X(F115, "The functions of the guest have more interrupts than fit.", \
            "Spread the functions over several guests.") \
    X(F116, "A function without an IOMMU has only its interrupt line, and where that goes is not known.", \
            "Name the line by 'gsi=', or add 'irq=none' if the guest's driver can poll.") \
    X(F117, "The interrupt line of the function was asked for, and where it goes is not known.", \
            "Name the line by 'gsi=', or remove 'irq=intx': the guest then gets MSI or MSI-X only.") \
    X(F118, "Functions of two guests share an interrupt line.", \
            "Give both to one guest, move a card to another slot, or use 'irq=none' or MSI for one of them.") \
    X(F119, "The functions of the guest have more interrupt lines than fit.", \
            "A guest has 8 lines, a slot 4: spread the functions over slots or guests.") \
    X(F120, "A function that nobody owns shares the interrupt line and cannot be kept off it.", \
            "It is silenced, but its INTx disable bit does nothing. Use another slot if the guest drowns in interrupts.")

#define CODE_LIST_I(X) \
    X(I201, "The CPU's virtualisation (VT-x, SVM) cannot be used.", \
            "Turn it on in the firmware set-up (Intel: VT-x; AMD: SVM). This is not the IOMMU.") \
    X(I202, "The machine has no IOMMU, or the firmware does not tell of one.", \
            "Turn on VT-d (Intel) or IOMMU/AMD-Vi (AMD) in the firmware set-up. Guests without functions run.") \
    X(I203, "The IOMMU did not come up.", \
            "The reason is in the message; 'iommu' lists the units. Guests without functions run.") \
    X(I204, "The IOMMU cannot remap interrupts.", \
            "A function could forge interrupts. Look for interrupt remapping or x2APIC in the firmware set-up.") \
    X(I205, "No IOMMU unit covers the function.", \
            "The firmware's table leaves it out. Try another slot or a firmware update.") \
    X(I206, "Functions that cannot be kept apart are named by two guests.", \
            "Give all functions of the group to one guest; the group's members are listed.") \
    X(I207, "A function shares its isolation group with one that nobody owns.", \
            "Harmless while it stays blocked; functions=all takes the siblings along.") \
    X(I208, "The function has no reset that works.", \
            "Old state could reach the next owner. 'reset=none' in the pci line accepts that.") \
    X(I209, "The firmware reserves memory for the function.", \
            "'reserved=map' in the pci line maps those regions into the guest; see 'device'.") \
    X(I210, "The manifest waives the reset of a function.", \
            "'reset=none' is in use: state left in the function reaches its next owner.") \
    X(I211, "The manifest maps firmware-reserved memory for a function.", \
            "'reserved=map' is in use: the function can reach those regions.") \
    X(I212, "'dma = unprotected' stands where it is not needed.", \
            "Remove the line: an IOMMU covers the function, or the guest has none.") \
    X(I213, "The firmware reserves something for the function that is not reserved memory.", \
            "RAM or registers lie there, so it is never mapped. See the log; a firmware update may help.")

#define CODE_LIST_S(X) \
    X(S301, "Two functions are put into one slot.", \
            "Change one slot=, or leave it out and a free one is taken.") \
    X(S302, "A slot has a function other than 0 but no function 0.", \
            "Guests look at function 0 first: put one function of the slot at .0.") \
    X(S303, "The slot belongs to the guest's own platform.", \
            "00 is the host bridge and 1f the LPC bridge: use 01 to 1e.") \
    X(S304, "The guest's bus has no free slot.", \
            "Remove a function or put several into one slot with slot=DD.F.")

#define CODE_LIST_R(X) \
    X(R401, "The guests together want more memory than the machine has.", \
            "Lower memory = in the guests whose lines are shown. Guests are counted in file order.") \
    X(R403, "A guest's memory is below the least or above the most that can be given.", \
            "Use a value in the range that the message names.") \
    X(R405, "The machine has no such CPU.", \
            "'cpus' lists them; numbers begin at 0.") \
    X(R406, "The CPU is offline.", \
            "It did not start at boot. Use another one; 'cpus' lists them.") \
    X(R407, "Two guests use one CPU.", \
            "Give each guest its own CPUs. The first guest in the file keeps it.") \
    X(R408, "The guest's TSC cannot count at the rate that the manifest wants.", \
            "The CPU must have TSC scaling (VT-x only here), and the rate lie within 1/16 and 16 times its own.") \
    X(R410, "A file is not among those that the loader brought.", \
            "Copy it to the stick under that path; the log has the loader's messages.") \
    X(R411, "A file is shorter than it says itself.", \
            "It was cut when it was copied: copy it again and eject the stick properly.") \
    X(R412, "The kernel image is of another type than needed.", \
            "Use a 64-bit Linux bzImage or a Multiboot 1 image, and the type = that fits.") \
    X(R413, "The images do not fit into the guest's memory.", \
            "Raise memory = of this guest.") \
    X(R414, "A key does not fit the kernel's type.", \
            "initrd = goes with Linux, module = with Multiboot.") \
    X(R415, "A file is empty.", \
            "Copy it again.") \
    X(R416, "The boot image has no VMM.", \
            "vmm.elf must be among the files: use a complete boot image.")

#define CODE_LIST_B(X) \
    X(B501, "A step of starting the guest failed.", \
            "The step and the kernel's status are in the message. Nothing was left behind.") \
    X(B502, "There was not enough memory in one piece to start the guest.", \
            "Lower memory = or stop another guest; 'memory' shows what is free.") \
    X(B503, "The monitor or the kernel ran out of a fixed resource.", \
            "Stop another guest; 'stats' shows the use of objects.") \
    X(B504, "The VMM image is damaged.", \
            "Write the boot image again.")

#define CODE_LIST_G(X) \
    X(G601, "The kernel image cannot be booted.", \
            "The VMM's own words are in the message: check the file and type =.") \
    X(G602, "The guest has too little memory for its images.", \
            "Raise memory = of this guest.") \
    X(G603, "The guest shut down by triple fault.", \
            "A fault inside the guest: see its console ('log NAME').") \
    X(G604, "The CPU refused the guest's state.", \
            "Report it with the output of 'vms NAME': it is a fault of Cordon or of the guest's kernel.") \
    X(G605, "The guest used an instruction on emulated memory that is not supported.", \
            "The message names it. Report it with the guest's kernel version.") \
    X(G606, "An assigned function could not be set up.", \
            "See 'device' for its state, and the guest's log.") \
    X(G607, "A system call of the VMM failed that should not.", \
            "Report it with the output of 'vms NAME'.") \
    X(G608, "An assertion of the VMM failed.", \
            "Report it with the output of 'vms NAME'.") \
    X(G609, "The guest caused an exit that nobody handles.", \
            "Report it with the output of 'vms NAME'.") \
    X(G610, "The guest's VMM task faulted.", \
            "Its registers are under 'vms NAME'. Only this guest is affected.") \
    X(G611, "The guest's VMM ended without saying why.", \
            "See 'log NAME'. Only this guest is affected.") \
    X(G612, "The guest ended too often and is not started again.", \
            "Find the cause in 'log NAME', then use 'start NAME'.") \
    X(G613, "The guest was killed by the operator.", \
            "'start NAME' starts it again.") \
    X(G614, "A function was cut off after too many blocked accesses.", \
            "See 'faults'. The guest or the function is at fault; restart the guest.") \
    X(G615, "The guest's code, stack or page tables lie where it has no memory.", \
            "A fault inside the guest: see its console ('log NAME'). If it wants more memory, raise memory =.")

#define CODE_LIST(X) \
    CODE_LIST_M(X) CODE_LIST_F(X) CODE_LIST_I(X) CODE_LIST_S(X) \
    CODE_LIST_R(X) CODE_LIST_B(X) CODE_LIST_G(X)

enum code {
    CODE_NONE,
#define X(c, meaning, fix) CODE_##c,
    CODE_LIST(X)
#undef X
    CODE_COUNT
};

