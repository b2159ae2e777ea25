# shellcheck shell=bash disable=SC2154
# From nothing to a gateway that runs with the settings it was shipped with.

for person in viewer concierge passerby; do useradd --create-home "$person"; done
files >files.before

fact "apt installs the package where nothing was" apt-get -q -y install "$package"
fact "the unit is enabled" is enabled systemctl is-enabled tilegated
fact "the gateway runs, and has told systemd that it is ready" is "active notify" units ActiveState Type
fact "systemctl status has a line for people" says 'Status: "0 doors' systemctl status --no-pager tilegated
fact "the program is that of the package" says "$(dpkg-query -W -f '${Version}' tilegate)" tilegate version
fact "the shipped settings are good, and say that the key is missing" says "there is no /etc/tilegate/credentials/kisi-api-key yet" tilegate config check
fact "a gateway without rights says that it is not ready" answers 10 "NOT READY" tilegate status
# listening are the addresses where somebody listens on TCP, as the kernel writes them.
listening() { awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6; }
fact "the numbers are served, to this machine only" is "$(printf '0100007F:%X' 9843)" listening
fact "no other unit of the machine fails" is "" systemctl list-units --failed --plain --no-legend

# mode FILE... : how others see it.
mode() { stat -c '%n %a %U:%G' "$@"; }
fact "the settings are root's, for all to read" is "/etc/tilegate/tilegate.toml 644 root:root" mode "$settings"
fact "only the gateway passes into the directory of the secrets" is "/etc/tilegate/credentials 750 root:tilegated" mode /etc/tilegate/credentials
fact "the state is the gateway's alone" is "/var/lib/tilegated 700 tilegated:tilegated" mode /var/lib/tilegated
fact "no file of the state is open to anybody else" is "" find /var/lib/tilegated \( -perm /077 -o ! -user tilegated -o ! -group tilegated \)
fact "the socket to look belongs to tilegate-view" is "/run/tilegated/view.sock 660 tilegated:tilegate-view" mode /run/tilegated/view.sock
fact "the socket to act belongs to tilegate-operate" is "/run/tilegated/operate.sock 660 tilegated:tilegate-operate" mode /run/tilegated/operate.sock
fact "its user cannot log in" says :/usr/sbin/nologin getent passwd tilegated
fact "its user may use serial ports" says dialout id -Gn tilegated
fact "and GPIO chips, although this Debian had no group for them" says gpio id -Gn tilegated
