# shellcheck shell=bash disable=SC2154
# A new version comes.

starts() { journalctl --quiet --no-pager --output=cat --unit=tilegated --after-cursor="$1" | grep -c '^Started tilegated'; }

echo "# a line of the installer" >>"$settings"
history >before
at=$(cursor) pid=$(unit MainPID)
fact "the same version installs over itself" dpkg -i "$package"
fact "the gateway is active, as another process" up "$pid"
fact "it was started once" is 1 starts "$at"
fact "the settings are as the installer left them" grep -qx "# a line of the installer" "$settings"
fact "the journal has all that it had" remembers before
fact "and doors open" opens front "$ann"

# newer is the package once more, as the next version.
newer() {
	dpkg-deb -R "$package" newer && sed -i 's/^Version: .*/&+next/' newer/DEBIAN/control &&
		dpkg-deb --root-owner-group -Znone -b newer newer.deb
}
newer >/dev/null
sed -i 's/^hold = "1s"/hold = "1 s"/' "$settings"
pid=$(unit MainPID)
fact "a version that does not take the settings installs, and says so" says "the gateway was not restarted" apt-get -q -y install "$PWD/newer.deb"
fact "it is installed" is "install ok installed" dpkg-query -W -f '${Status}' tilegate
fact "the version of before goes on running" is "active $pid" units ActiveState MainPID
fact "and doors open" opens front "$ben"
sed -i 's/^hold = "1 s"/hold = "1s"/' "$settings"
fact "once the settings are mended, it starts" systemctl restart tilegated

# from_first configures the package as over a version 0.1.
from_first() { DPKG_MAINTSCRIPT_PACKAGE=tilegate /var/lib/dpkg/info/tilegate.postinst configure 0.1.0 2>&1; }
cp "$settings" settings.before
fact "who comes from 0.1 and says minimum_assurance is told nothing" is "" from_first
sed -i '/^minimum_assurance/d' "$settings"
fact "who does not is told what members would be refused for" says 'put minimum_assurance = "low"' from_first
cp settings.before "$settings"
sed -i 's/^minimum_assurance/passback = "5m"\n&/' "$settings"
fact "who has passback is told that it only warns now" says "put passback_refuses = true" from_first
sed -i 's/^passback/passback_refuses = false\n&/' "$settings"
fact "who says what it does is told nothing" is "" from_first
cp settings.before "$settings"
fact "the settings of before are good" systemctl restart tilegated
