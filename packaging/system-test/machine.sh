# shellcheck shell=bash disable=SC2154
# A Debian that is booted in a container: made, started, entered, cut off from
# its power, and put away again. It is sourced by run, which sets $scratch; all
# that is made lies below it, or bears $name.

name=tilegate-test-$$
root=      # the container's files
busy=      # what bounded waits for
container= # the process that has systemd-nspawn as its child
leader=    # the container's first process

# fail says why nothing can be tried, and ends.
fail() {
	printf 'test-system: %s\n' "$*" >&2
	exit 1
}

# can_run ends with the reason, where a container cannot be booted at all.
can_run() {
	[ "$(id -u)" = 0 ] || fail "only root can boot a container; run it as root: sudo make test-system"
	command -v apt-get >/dev/null || fail "this is no Debian: apt-get is missing"
	unshare --mount --pid --fork true 2>/dev/null ||
		fail "this machine does not let root make namespaces (an unprivileged container?); run it on a machine of its own"
	[ -d /run/systemd/system ] || [ -n "$(cgroup_trees)" ] ||
		fail "no cgroup tree can be written below /sys/fs/cgroup; run it on a machine of its own, or in a privileged container"
}

# bounded SECONDS COMMAND... runs it no longer than that. A signal to us is heard
# at once, and put_away ends the command.
bounded() {
	local status=0
	timeout -k 5 "$@" &
	busy=$!
	wait "$busy" || status=$?
	busy=
	return $status
}

# get_tools installs what is missing.
get_tools() {
	local missing=()
	command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
	command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing ${missing[*]}"
	bounded 300 apt-get -qq update || fail "apt-get update did not work; is there a network?"
	DEBIAN_FRONTEND=noninteractive bounded 300 apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null ||
		fail "apt-get install ${missing[*]} did not work"
}

# make_root makes the smallest Debian that boots, of this machine's release: the
# programs were linked against its C library.
make_root() {
	local release
	if [ -n "${ROOTFS:-}" ]; then
		cp -a "$ROOTFS" "$root"
		return
	fi
	release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	bounded 600 mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,adduser \
		"${release:-stable}" "$root" || fail "mmdebstrap could not make a Debian $release; is there a network?"
}

# cgroup_trees are the trees in which a machine that systemd does not run gives
# the container a place.
cgroup_trees() {
	local tree
	for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		[ ! -w "$tree/cgroup.procs" ] || echo "$tree"
	done
}

# boot starts the container and waits until it is up.
boot() {
	local how=(--quiet --machine="$name" --hostname=gateway --directory="$root" --register=no --console=pipe
		--private-network --resolv-conf=off --timezone=off)
	local trees=() tree
	if [ ! -d /run/systemd/system ]; then
		how+=(--keep-unit)
		mapfile -t trees < <(cgroup_trees)
	fi
	for tree in "${trees[@]}"; do mkdir -p "$tree/$name"; done
	(
		for tree in "${trees[@]}"; do echo "$BASHPID" >"$tree/$name/cgroup.procs"; done
		# Inside it is like on a gateway, whatever the machine around has.
		export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
		# timeout is there for the case that nobody is left to stop it.
		exec timeout -k 5 900 systemd-nspawn "${how[@]}" --boot systemd.log_target=journal quiet
	) </dev/null >"$scratch/console" 2>&1 &
	container=$!
	local end=$((SECONDS + 60))
	until leader=$(first_process) && [ "$(enter 10 systemctl is-active multi-user.target 2>/dev/null)" = active ]; do
		if [ $SECONDS -ge $end ] || [ ! -d /proc/$container ]; then
			sed 's/^/  /' "$scratch/console" >&2
			fail "systemd-nspawn could not boot a Debian here; what it said stands above"
		fi
		sleep 0.05
	done
}

# first_process is the container's, once it is systemd.
first_process() {
	local nspawn first
	nspawn=$(children "$container") && first=$(children "$nspawn") && [ "$(cat "/proc/$first/comm")" = systemd ] &&
		echo "$first"
} 2>/dev/null

# children are those of a process, at least one.
children() {
	local found
	found=$(cat "/proc/$1/task/$1/children")
	[ -n "$found" ] && echo "${found%% *}"
}

# enter SECONDS COMMAND... runs it in the container, with none of our environment.
enter() {
	timeout -k 5 "$1" nsenter --target "$leader" --mount --uts --ipc --net --pid -- \
		env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "${@:2}"
}

# cut_power ends everything in the container at once.
cut_power() {
	[ -z "$leader" ] || kill -KILL "$leader" 2>/dev/null || true
	leader=
	ended 100 || true
}

# power_off stops the container as a person would, and fails if it has to force it.
power_off() {
	kill -RTMIN+4 "$leader"
	leader=
	ended 300
}

# ended waits so many tenths of a second for the container, and then ends it.
ended() {
	local tenth nspawn
	[ -n "$container" ] || return 0
	for ((tenth = 0; tenth < $1; tenth++)); do
		if [ ! -d "/proc/$container" ]; then
			wait "$container" 2>/dev/null || true
			container=
			return 0
		fi
		sleep 0.1
	done
	# Its first process goes with systemd-nspawn, and all others with that.
	if nspawn=$(children "$container" 2>/dev/null); then kill -KILL "$nspawn" 2>/dev/null; fi
	kill -KILL "$container" 2>/dev/null
	wait "$container" 2>/dev/null
	container=
	return 1
}

# put_away leaves nothing of the container.
put_away() {
	local tree
	trap '' INT TERM HUP PIPE
	set +e # whatever goes wrong here, go on
	if [ -n "$busy" ]; then
		kill "$busy" 2>/dev/null
		wait "$busy"
	fi
	[ -z "$container" ] || [ -n "$leader" ] || leader=$(first_process)
	cut_power
	for tree in $(cgroup_trees); do
		[ ! -d "$tree/$name" ] || find "$tree/$name" -depth -type d -exec rmdir {} +
	done
	[ -z "$scratch" ] || rm -rf --one-file-system "$scratch"
}
