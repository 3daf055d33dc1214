# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# wg-quick.bash - makes stock wg-quick(8) use tielined.
#
# wg-quick asks the kernel for an interface of type wireguard, and tries another implementation only
# if the kernel has none. It is a bash script, and bash first reads the file that BASH_ENV names. So
# this file runs before wg-quick, and answers that request instead of the kernel.
# shellcheck shell=bash

unset BASH_ENV # do not affect other scripts that wg-quick starts

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
        # On failure do not return to wg-quick, which would then try the next implementation.
        command tielined "$name" || exit
}
