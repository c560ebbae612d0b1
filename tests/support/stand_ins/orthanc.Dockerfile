# Stands in for the Orthanc team's image, as far as compose.yaml asks for it: the program, its plugins
# where that image keeps them, and a folder that is root's.
ARG BASE
FROM ${BASE}
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      orthanc orthanc-dicomweb orthanc-postgresql >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/lib/orthanc \
 && mkdir -p /var/lib/orthanc/db \
 && ln -s plugins /usr/share/orthanc/plugins-available
EXPOSE 4242 8042
ENTRYPOINT ["Orthanc"]
CMD ["/etc/orthanc/"]
