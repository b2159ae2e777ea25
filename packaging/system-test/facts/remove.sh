# shellcheck shell=bash disable=SC2154
# The package goes, comes back, and goes for good.

history >before
fact "dpkg removes the package" dpkg -r tilegate
fact "no process of it is left" is "" find /proc -maxdepth 2 -name exe -lname '*/tilegated*'
fact "the program is gone" not test -e /usr/bin/tilegated
fact "the settings are kept" test -s "$settings"
fact "the secrets are kept" test -s /etc/tilegate/credentials/kisi-api-key
fact "the journal is kept" test -s /var/lib/tilegated/journal.db

fact "it installs again" dpkg -i "$package"
fact "it is enabled and active" is "enabled active" units UnitFileState ActiveState
fact "the journal has all that it had" remembers before
fact "and doors open" opens front "$ann"

fact "dpkg purges the package" dpkg -P tilegate
left() {
	files >files.after
	comm -13 files.before files.after
}
fact "only the file that the site itself put there is left" is "$(printf '/etc/tilegate\n/etc/tilegate/roster.json')" left
fact "nothing in /run either" is "" find /run -name 'tilegate*'
fact "systemd knows no such unit" is not-found unit LoadState
# As Debian has it: a copy of the journal elsewhere may be theirs.
fact "user and groups stay" getent passwd tilegated
