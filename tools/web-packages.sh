#!/bin/sh
# What the browser gets beside our own pages, from npm by name, version and SHA-512: the viewer OHIF,
# and axe-core for the tests. It lands in .web/; without npm it says what is missing and goes on.
set -u

here=$(cd "$(dirname "$0")/.." && pwd)
web="$here/.web"

leave() { # folder, names in it
    set -f # they are patterns for find, not for the shell
    for each in $2; do find "$1" -depth -name "$each" -exec rm -rf {} +; done
    set +f
}

fetch() { # folder, package, version, integrity, the folder inside the package to keep, what of it not
    [ "$(cat "$web/$1/.version" 2>/dev/null)" = "$3" ] && { leave "$web/$1" "$6"; return 0; }
    if ! command -v npm >/dev/null 2>&1; then
        echo "Not installed: npm, which brings $2. Wetread goes on without it." >&2
        return 0
    fi
    work=$(mktemp -d) || return 0
    (
        cd "$work" && npm pack --silent --ignore-scripts "$2@$3" >name 2>npm.log &&
            tarball=$(ls ./*.tgz) &&
            got="sha512-$(openssl dgst -sha512 -binary "$tarball" | base64 -w0)" &&
            { [ "$got" = "$4" ] || { echo "$2@$3 is not what it was: $got" >&2; exit 1; }; } &&
            tar xzf "$tarball" && leave "$5" "$6" && printf %s "$3" >"$5/.version" &&
            mkdir -p "$web" && rm -rf "$web/$1" && mv "$5" "$web/$1"
    ) || { echo "Could not fetch $2@$3; Wetread goes on without it." >&2; cat "$work/npm.log" >&2; }
    rm -rf "$work"
}

# Without the runtime of segment-anything (136 MB), the maps of scripts, and the service workers.
fetch ohif @ohif/app 3.13.2 \
    sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA== package/dist \
    "ort *.map sw.js init-service-worker.js google.js oidc-client.min.js silent-refresh.html"
fetch axe-core axe-core 4.14.1 \
    sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ== package ""
exit 0
