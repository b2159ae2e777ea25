# shellcheck shell=bash
# What the gateway may do to the machine it runs on: nothing that it need not.

fact "systemd finds no fault in the unit" quietly systemd-analyze verify --man=no tilegated.service
fact "its exposure is 1.5 or less" systemd-analyze security --no-pager --threshold=15 tilegated.service

# owners are the users of all processes of the unit, in all four ways of having one.
owners() {
	local pid
	while read -r pid; do
		sed -n 's/^Uid:[[:space:]]*//p' "/proc/$pid/status" | tr '\t' '\n'
	done <"/sys/fs/cgroup$(unit ControlGroup)/cgroup.procs" | sort -u
}
fact "nothing of it runs as root" is "$(id -u tilegated)" owners

# process FIELD is what the kernel says of the gateway.
process() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(unit MainPID)/status"; }
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	fact "it has no capability ($set)" is 0000000000000000 process "$set"
done
fact "it can gain no rights" is 1 process NoNewPrivs
fact "its system calls are filtered" is 2 process Seccomp

# in_its_world runs a command with the files as the gateway sees them, and as root.
in_its_world() { nsenter --target "$(unit MainPID)" --mount -- "$@"; }
fact "it cannot write its settings" answers 1 "Read-only file system" in_its_world touch /etc/tilegate/written
fact "it cannot write programs" answers 1 "Read-only file system" in_its_world touch /usr/bin/written
fact "it does not see homes" quietly in_its_world ls /home
fact "it can write its state" in_its_world runuser -u tilegated -- test -w /var/lib/tilegated

# A container cannot enforce the next three (no controllers, no device filter):
# this is only that systemd has understood them.
fact "systemd took the list of devices (not enforced here)" is \
	"closed char-rtc r char-gpiochip rw char-ttyAMA rw char-ttyS rw char-ttyACM rw char-ttyUSB rw" units DevicePolicy DeviceAllow
fact "systemd took the limit of memory (not enforced here)" is $((384 << 20)) unit MemoryMax
fact "systemd took the limit of tasks (not enforced here)" is 256 unit TasksMax
