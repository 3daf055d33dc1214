#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# hardened.sh FILE - whether a program was built so that mistakes in it are harder to use: at addresses
# of its own choice, with a read-only table of what it calls, no stack that runs, canaries, and calls of
# libc that know how long their buffers are; on x86-64 also with marks where a jump may land, and stack
# that is touched page by page. Says what is missing.
set -u
file=$1
status=0

demand() { # what, pattern, readelf option
        readelf --wide "$3" "$file" | grep -q -E -e "$2" && return
        echo "$file: $1"
        status=1
}

demand "is not position independent" 'Type: +DYN' --file-header
demand "has no read-only relocations" 'GNU_RELRO' --program-headers
demand "binds late, so its table of calls stays writable" '\(FLAGS(_1)?\).*NOW' --dynamic
demand "may run what is on its stack" 'GNU_STACK .* RW +0x' --program-headers
demand "has no stack canaries" '__stack_chk_fail' --dyn-syms
demand "has no fortified calls" '__[a-z_]+_chk' --dyn-syms

# The last two are seen in the code only. What libc links to any program has a few marks of its own.
at_least() { # how many, what, pattern
        local found

        found=$(objdump --disassemble --no-show-raw-insn "$file" | grep -c -E -e "$3")
        [ "$found" -ge "$1" ] && return
        echo "$file: $2"
        status=1
}
if readelf --wide --file-header "$file" | grep -q 'Machine:.*X86-64'; then
        at_least 20 "does not mark where jumps may land" '\bendbr64$'
        at_least 1 "may step over the guard page of its stack" '\bsub +.0x1000,%rsp'
fi
exit $status
