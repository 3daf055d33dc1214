#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# hardened.sh FILE - checks the hardening of a program: position independent, read-only
# relocations, no executable stack, stack canaries, fortified libc calls; on x86-64 also branch
# targets and stack probes. Prints what is missing.
set -u
file=$1
status=0

demand() { # message, pattern, readelf option
        readelf --wide "$3" "$file" | grep -q -E -e "$2" && return
        echo "$file: $1"
        status=1
}

demand "is not position independent" 'Type: +DYN' --file-header
demand "has no read-only relocations" 'GNU_RELRO' --program-headers
demand "binds lazily, so its table of calls stays writable" '\(FLAGS(_1)?\).*NOW' --dynamic
demand "has an executable stack" 'GNU_STACK .* RW +0x' --program-headers
demand "has no stack canaries" '__stack_chk_fail' --dyn-syms
demand "has no fortified calls" '__[a-z_]+_chk' --dyn-syms

# The last two appear only in the code. Objects from libc contain a few branch targets, too.
at_least() { # count, message, pattern
        local found

        found=$(objdump --disassemble --no-show-raw-insn "$file" | grep -c -E -e "$3")
        [ "$found" -ge "$1" ] && return
        echo "$file: $2"
        status=1
}
if readelf --wide --file-header "$file" | grep -q 'Machine:.*X86-64'; then
        at_least 20 "does not mark branch targets" '\bendbr64$'
        at_least 1 "does not probe its stack, so it may skip the guard page" '\bsub +.0x1000,%rsp'
fi
exit $status
