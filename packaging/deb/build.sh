#!/bin/sh
# Makes the Debian package from what is already built.
#
#   packaging/deb/build.sh ARCH VERSION
#
# ARCH is Debian's name (amd64, arm64, armhf). The programs are taken from
# $BUILD (default: build), manual pages from $BUILD/man and completions from
# $BUILD/completion; the package is written to $DIST (default: dist), and its
# path is the only line on standard output. Equal input and an equal
# SOURCE_DATE_EPOCH (default: the time of the last commit) give equal bytes.
set -eu

if [ $# -ne 2 ]; then
	sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi
arch=$1 version=$2
cd "$(dirname "$0")/../.."
build=${BUILD:-build} dist=${DIST:-dist}
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
umask 022
export LC_ALL=C TZ=UTC

fail() {
	echo "packaging/deb/build.sh: $*" >&2
	exit 1
}

case $version in
*[!0-9A-Za-z.+~]* | [!0-9]* | "") fail "version '$version': start with a digit; letters, digits and . + ~ may follow" ;;
esac

# The machine in the ELF header, so that no gateway gets another one's program.
case $arch in
amd64) machine=3e ;;
arm64) machine=b7 ;;
armhf) machine=28 ;;
*) fail "architecture '$arch' is not one of amd64, arm64, armhf" ;;
esac
for program in tilegated tilegate; do
	[ -f "$build/$program" ] || fail "$build/$program is not there; run make build first"
	found=$(od -An -tx1 -j18 -N1 "$build/$program" | tr -d ' ')
	[ "$found" = "$machine" ] || fail "$build/$program is for machine $found, and $arch is $machine"
done

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT INT TERM
doc=$tree/usr/share/doc/tilegate
chmod 0755 "$tree"

# put MODE SOURCE TARGET
put() { install -D -m "$1" "$2" "$tree$3"; }

put 0755 "$build/tilegated" /usr/bin/tilegated
put 0755 "$build/tilegate" /usr/bin/tilegate
put 0644 systemd/tilegated.service /usr/lib/systemd/system/tilegated.service
for kind in sysusers.d tmpfiles.d modules-load.d; do
	put 0644 "systemd/$kind/tilegated.conf" "/usr/lib/$kind/tilegated.conf"
done
put 0644 systemd/udev/60-tilegate.rules /usr/lib/udev/rules.d/60-tilegate.rules
install -d -m 0755 "$tree/etc/tilegate"

# The settings in /etc are a copy that the first installation makes: nobody runs
# a gateway with them unchanged, so dpkg must not ask about them at each upgrade.
put 0644 configs/tilegate.toml /usr/share/tilegate/tilegate.toml
for file in configs/examples/*.toml configs/examples/*.json systemd/examples/*.conf; do
	put 0644 "$file" "/usr/share/doc/tilegate/examples/$(basename "$file")"
done
for file in INSTALL ROSTER PASS HARDWARE RUNBOOK TIME CASES FIGURES; do
	put 0644 "docs/$file.md" "/usr/share/doc/tilegate/$file.md"
done
put 0644 packaging/deb/copyright /usr/share/doc/tilegate/copyright
put 0644 packaging/deb/lintian-overrides /usr/share/lintian/overrides/tilegate

# Debian's changelog has one entry, for this version; ours goes beside it.
cat >"$doc/changelog" <<END
tilegate ($version) stable; urgency=medium

  * tilegate $version. What changed is told in CHANGELOG.md of the sources.

 -- tilegate <tilegate@users.noreply.github.com>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
gzip -9n "$doc/changelog"

# What whoever upgrades must know; apt-listchanges shows it.
put 0644 packaging/deb/NEWS /usr/share/doc/tilegate/NEWS.Debian
gzip -9n "$doc/NEWS.Debian"

for page in packaging/deb/*.[1-8] "$build"/man/*.[1-8]; do
	[ -e "$page" ] || continue
	section=${page##*.}
	put 0644 "$page" "/usr/share/man/man$section/$(basename "$page")"
	gzip -9n "$tree/usr/share/man/man$section/$(basename "$page")"
done
complete() { [ ! -e "$build/completion/$1" ] || put 0644 "$build/completion/$1" "$2"; }
complete tilegate.bash /usr/share/bash-completion/completions/tilegate
complete _tilegate /usr/share/zsh/vendor-completions/_tilegate
complete tilegate.fish /usr/share/fish/vendor_completions.d/tilegate.fish

install -d -m 0755 "$tree/DEBIAN"
for script in postinst prerm postrm; do
	install -m 0755 "packaging/deb/$script" "$tree/DEBIAN/$script"
done
(cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
chmod 0644 "$tree/DEBIAN/md5sums"
size=$(cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
sed -e "s/@ARCH@/$arch/" -e "s/@VERSION@/$version/" -e "s/@SIZE@/$size/" packaging/deb/control >"$tree/DEBIAN/control"

mkdir -p "$dist"
package=$dist/tilegate_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >/dev/null
echo "$package"
