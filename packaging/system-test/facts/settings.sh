# shellcheck shell=bash disable=SC2154
# A person changes the settings, well and badly.

pid=$(unit MainPID)
sed -i 's/^name = "Front door"/name = "Street door"/' "$settings"
fact "good settings are taken up by systemctl reload" systemctl reload tilegated
fact "they are in force" says "Street door" tilegate door list
fact "by the same process" is "$pid" unit MainPID
fact "and the unit is active after it" is active unit ActiveState

sed -i 's/^name = "Street door"/nmae = "Back door"/' "$settings"
at=$(cursor)
fact "wrong settings make systemctl reload fail" not systemctl reload tilegated
fact "the reason is in the log, with its line and the key that was meant" says 'did you mean "name"?' told_since "$at"
fact "systemctl status says that they were refused" says "New settings were refused" systemctl status --no-pager tilegated
fact "tilegate reload says the reason itself" answers 1 "$settings:" tilegate reload
fact "the settings of before are in force" says "Street door" tilegate door list
fact "in the same process" is "$pid" unit MainPID
fact "and doors open" opens front "$ben"

at=$(cursor)
fact "wrong settings at a start make the start fail" not systemctl restart tilegated
fact "the status is 78, and the unit waits for a person" is "failed 78 0" units ActiveState ExecMainStatus NRestarts
fact "the reason is in the log" says 'did you mean "name"?' told_since "$at"
sleep 3 # three times RestartSec
fact "it was not tried again" is "failed 0" units ActiveState NRestarts
sed -i 's/^nmae = "Back door"/name = "Back door"/' "$settings"
fact "once they are mended, it starts" systemctl restart tilegated
fact "with them" within 10 says "Back door" tilegate door list

# put_key does what docs/INSTALL.md tells.
put_key() { echo key | install -m 0600 -o tilegated -g tilegated /dev/stdin /etc/tilegate/credentials/kisi-api-key; }
put_key
cat >>"$settings" <<'TOML'

[kisi]
api_key_file = "kisi-api-key"
TOML
fact "settings with a key, put as docs/INSTALL.md tells, are good without a warning" is "$settings: good: 2 doors, rights from kisi and file" tilegate config check
chown root:root /etc/tilegate/credentials/kisi-api-key && chmod 0644 /etc/tilegate/credentials/kisi-api-key
fact "a key that others can read is told, with what to do" answers 1 "chmod 0600" tilegate config check
