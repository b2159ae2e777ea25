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
