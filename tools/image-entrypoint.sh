#!/bin/sh
# `docker run IMAGE status` and `docker run IMAGE wetread status` do the same; what Wetread stands on
# runs as it is. `exec`, so that SIGTERM reaches it.
case "${1-}" in
wetread | wetread-health | python | python3 | sh | /*) exec "$@" ;;
*) exec wetread "$@" ;;
esac
