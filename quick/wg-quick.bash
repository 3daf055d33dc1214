# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# wg-quick.bash - has stock wg-quick(8) use tielined.
#
# wg-quick asks the kernel for an interface of type wireguard, and looks for another implementation
# only where the kernel has none. It is a script for bash, which reads the file that BASH_ENV names
# before the script. So this comes before it, and answers that one question in the kernel's place.
# shellcheck shell=bash

unset BASH_ENV # what the script starts is not meant

ip() {
        local name=
        case "$#:$1:$2" in
        5:link:add) [[ $4:$5 == type:wireguard ]] && name=$3 ;;
        6:link:add) [[ $3:$5:$6 == dev:type:wireguard ]] && name=$4 ;;
        esac
        if [[ -z $name ]]; then
                command ip "$@"
                return
        fi
        # Not back to the script, which would then ask the next implementation.
        command tielined "$name" || exit
}
