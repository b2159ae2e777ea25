#!/usr/bin/env bash
# Runs in the booted container: tries the facts of the files that are named and
# writes a line for each, "ok" or "FAIL"; under a FAIL stands what was seen.
#
#   facts.sh FILE...
set -u
cd "$(dirname "$0")" || exit 1
# shellcheck disable=SC2034
package=$PWD/tilegate.deb
# shellcheck disable=SC2034
settings=/etc/tilegate/tilegate.toml
# What facts/doors.sh gives rights to, and what nobody has.
# shellcheck disable=SC2034
ann=04A2B3C4D5E680 ben=TG-BEN-7731 nobody=04DEADBEEF0180

# fact WORDS COMMAND... says whether the command succeeds, and how long it took
# if that is worth telling.
fact() {
	local words=$1 start took out
	start=$(milliseconds)
	shift
	if out=$("$@" 2>&1); then
		took=$(($(milliseconds) - start))
		[ $took -lt 500 ] || words+=" ($took ms)"
		printf 'ok    %s\n' "$words"
	else
		printf 'FAIL  %s\n' "$words"
		printf '$ %s\n%s\n' "$*" "$out" | sed 's/^/        /'
	fi
}

# says TEXT COMMAND... : it succeeds and its output contains the text.
says() { answers 0 "$@"; }

# answers STATUS TEXT COMMAND... : it exits so, and its output contains the text.
answers() {
	local want=$1 text=$2 out status=0
	shift 2
	out=$("$@" 2>&1) || status=$?
	printf '%s\n(exit status %s, want %s and "%s")\n' "$out" "$status" "$want" "$text"
	[ "$status" = "$want" ] && [[ $out == *"$text"* ]]
}

# is WANT COMMAND... : it succeeds and its output is just that.
is() {
	local want=$1 out
	shift
	out=$("$@") && printf 'got  %s\nwant %s\n' "$out" "$want" && [ "$out" = "$want" ]
}

# quietly COMMAND... : it succeeds and says nothing.
quietly() {
	local out
	out=$("$@" 2>&1) && [ -z "$out" ] && return 0
	printf '%s\n' "$out"
	return 1
}

# not COMMAND... : it fails.
not() { ! "$@"; }

# within SECONDS COMMAND... : it succeeds before so many seconds are over.
within() {
	local end out
	end=$(($(milliseconds) + $1 * 1000))
	shift
	until out=$("$@" 2>&1); do
		if [ "$(milliseconds)" -ge "$end" ]; then
			printf '%s\n(and so it stayed)\n' "$out"
			return 1
		fi
		sleep 0.05
	done
}

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# unit PROPERTY is what systemd says of the gateway; units, of several on one line.
unit() { systemctl show tilegated --property="$1" --value; }
units() {
	local property all=()
	for property in "$@"; do all+=("$(unit "$property" | paste -sd' ')"); done
	echo "${all[*]}"
}

# up PID: the gateway is active, and another process than PID. Asked once, since
# between two questions it may die.
up() {
	local now
	now=$(systemctl show tilegated --property=MainPID,ActiveState) && echo "$now" && [[ $now == *ActiveState=active* ]] &&
		[[ $now =~ MainPID=([0-9]+) ]] && [ "${BASH_REMATCH[1]}" != 0 ] && [ "${BASH_REMATCH[1]}" != "${1:-0}" ]
}

# files are all that a package could leave; what dpkg and systemd keep for
# themselves stays out.
files() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log \
		-o -path /var/lib/dpkg -o -path /var/cache -o -path /var/lib/apt -o -path "$PWD" \) -prune -o -print | sort
}

# as USER COMMAND...
as() { runuser -u "$1" -- "${@:2}"; }

# told_since CURSOR is what the gateway and systemd said of it since then.
told_since() { journalctl --quiet --no-pager --output=cat --unit=tilegated --after-cursor="$1"; }

# cursor is where the log ends now.
cursor() { journalctl --sync && journalctl --quiet --no-pager --lines=0 --show-cursor | sed -n 's/^-- cursor: //p'; }

# history is the whole journal; remembers, that it begins with what FILE has.
history() { tilegate event list --limit 10000 | tr -s ' '; }
remembers() {
	local now
	now=$(history) && [ -s "$1" ] && [[ $now == "$(cat "$1")"* ]]
}

# devices_up: no tile and no board is missing.
devices_up() {
	local now
	now=$(tilegate status) && echo "$now" && [[ $now != *_down]* ]]
}

# decision DOOR is the last one, as the journal tells it.
decision() { tilegate event list --kind decision --door "$1" --limit 1 | tail -n1; }

# ---- the hardware, see "tilesim hardware --help" ------------------------------

told=/run/hardware.told # what it told

# plug_in puts up tiles and boards, for this run of facts.
plug_in() {
	mkdir -p /dev/building && mkfifo /run/hardware.orders || return 1
	./tilesim hardware /dev/building </run/hardware.orders >"$told" &
	exec 9>/run/hardware.orders
	within 10 grep -qx ready "$told" && give_ports
}

# give_ports does for pseudo-terminals what udev does for serial adapters.
give_ports() {
	local port
	for port in /dev/building/dev/*; do
		chgrp dialout "$(readlink -f "$port")" && chmod 0660 "$(readlink -f "$port")" || return 1
	done
}

# order WORDS... tells the hardware to do something, and waits until it has.
order() {
	local before
	before=$(grep -cE '^(done|error)' "$told")
	echo "$*" >&9
	within 10 answered "$before" && ! tail -n1 "$told" | grep '^error'
}

answered() { [ "$(grep -cE '^(done|error)' "$told")" -gt "$1" ]; }

# moves "DOOR on|off": how many times the relay has moved so until now.
moves() { grep -cx "$1" "$told"; }

# moved "DOOR on|off" BEFORE: it has moved so once more than before.
moved() { [ "$(moves "$1")" -gt "$2" ]; }

# tap DOOR CREDENTIAL RESULT: the newest decision is this one, with this result.
tap() {
	local last
	within 10 heard "$1" || return 1
	last=$(decision "$1")
	order tap "$1" "$2" && within 10 decided "$1" "$last" "$3"
}

# heard DOOR: the gateway hears its tile. What a tile says in the first moment after
# its port was opened counts for nothing.
heard() {
	local now
	now=$(tilegate reader list) && echo "$now" && grep -qE "^$1 +in +[a-z0-9]+ up " <<<"$now"
}

# decided DOOR LAST RESULT: there is a newer decision than LAST, and it is RESULT.
decided() {
	local now
	now=$(decision "$1")
	echo "$now"
	[ "$now" != "$2" ] && [[ $now == *"$3"* ]]
}

# opens DOOR CREDENTIAL: the relay goes on, and off again. The same one counts
# again only after two seconds, or after the gateway was started anew.
opens() {
	local on off
	on=$(moves "$1 on") off=$(moves "$1 off")
	tap "$1" "$2" granted && within 5 moved "$1 on" "$on" && within 10 moved "$1 off" "$off"
}

# stays_shut DOOR CREDENTIAL REASON: refused, and the relay does not move.
stays_shut() {
	local on
	on=$(moves "$1 on")
	tap "$1" "$2" "refused: $3" && sleep 0.3 && ! moved "$1 on" "$on"
}

for file in "$@"; do
	# shellcheck source=/dev/null
	. "./$file"
done
echo end
