# shellcheck shell=bash
# Who may look and who may act. install.sh made these people.

adduser --quiet viewer tilegate-view
adduser --quiet concierge tilegate-view && adduser --quiet concierge tilegate-operate

fact "root may look" answers 10 "Gateway" tilegate status
fact "who is in tilegate-view may look" answers 10 "Gateway" as viewer tilegate status
fact "who is in no group may not, and is told the group" answers 1 "it is for the group tilegate-view" as passerby tilegate status
history >before
for what in "door open front" "door test front" "sync now" "reload" "tap simulate --card 04A2B3C4D5E680 --door front"; do
	# shellcheck disable=SC2086 # the words are arguments
	fact "who may only look is refused to act, and told the group (tilegate $what)" \
		answers 1 "it is for the group tilegate-operate" as viewer tilegate $what
done
fact "nothing of that came to the journal" is "$(cat before)" history
fact "who is in tilegate-operate may act" says "" as concierge tilegate reload
fact "strangers do not see the secrets" answers 2 "Permission denied" as passerby ls /etc/tilegate/credentials
fact "strangers do not see the state" answers 2 "Permission denied" as passerby ls /var/lib/tilegated
