#!/bin/sh
# The programs beside Python that demo and tests talk to: a real Orthanc and DCMTK, npm for what the
# browser gets, and what the arguments name: the tests ask for chromium and postgresql.
# Installed where apt and root are at hand; elsewhere it says what is missing and goes on.
set -u

missing=""
command -v Orthanc >/dev/null 2>&1 || missing="$missing orthanc"
[ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] || missing="$missing orthanc-dicomweb"
[ -x /usr/bin/storescu ] || missing="$missing dcmtk"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
for each in "$@"; do
    command -v "$each" >/dev/null 2>&1 || ls /usr/lib/"$each"/*/bin >/dev/null 2>&1 ||
        missing="$missing $each" # Debian keeps PostgreSQL's programs out of the path
done
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # Debian would start an Orthanc of its own on port 8042; demo and tests start theirs.
    policy=/usr/sbin/policy-rc.d
    made=""
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=yes
    fi
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/tmp/wetread-apt.log 2>&1 ||
        echo "Could not install$missing: see /tmp/wetread-apt.log. The demo goes on without." >&2
    [ -z "$made" ] || rm -f "$policy"
else
    echo "Not installed:$missing. The demo goes on without; to have them: sudo apt-get install$missing" >&2
fi
exit 0
