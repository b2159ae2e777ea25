# shellcheck shell=bash disable=SC2154
# What becomes of the doors when the gateway dies, hangs and stops.

# revived SECONDS HOW... : ended like this, it is up again before they are over.
revived() {
	local limit=$1 pid
	shift
	pid=$(unit MainPID)
	"$@" "$pid" && within "$limit" up "$pid"
}
held_open() { tap lab "$ann" granted && within 5 moved "lab on" "$1"; }

on=$(moves "lab on") off=$(moves "lab off")
history >before
fact "a relay without a timer of its own is held for 30 s" held_open "$on"
fact "killed with -9, the gateway is active again within 3 s" revived 3 kill -KILL
fact "and the relay that it held is at rest" within 1 moved "lab off" "$off"
fact "the journal has all that it had" remembers before
fact "and goes on" opens front "$ann"
fact "systemd counts one restart" is 1 unit NRestarts

on=$(moves "lab on") off=$(moves "lab off")
fact "the relay is held again" held_open "$on"
fact "hung, the gateway is active again within 15 s" revived 15 kill -STOP
fact "and the relay that it held is at rest" within 1 moved "lab off" "$off"
fact "it was the watchdog" says "Watchdog timeout" journalctl --quiet --no-pager --output=cat --unit=tilegated --since=-30s
fact "it decides as before" opens front "$ann"
fact "systemd counts two restarts" is 2 unit NRestarts

stops_within() {
	local start
	start=$(milliseconds)
	systemctl stop tilegated && [ $(($(milliseconds) - start)) -lt $(($1 * 1000)) ]
}
on=$(moves "lab on") off=$(moves "lab off")
fact "the relay is held once more" held_open "$on"
fact "told to stop, the gateway stops within 5 s" stops_within 5
fact "and the relay is at rest" moved "lab off" "$off"
fact "it ended well" is "inactive success 0" units ActiveState Result ExecMainStatus
fact "nothing of it is left in /run" not test -e /run/tilegated
fact "the tool says that nobody answers, and what to do" answers 1 "systemctl status tilegated" tilegate status
fact "it starts again" systemctl start tilegated
fact "and is ready" within 10 says "(trastevere): ready" tilegate status
