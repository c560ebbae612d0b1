# Wetread's image: one for all roles. `make image` builds it; docs/container.md says more.
#
#   BASE             a Debian with Python 3.11 and venv; all stages stand on it
#   VARIANT          cpu, or cuda: torch as the lock has it, with its hash
#   TORCH_INDEX_URL  for cpu: the package index with CPU builds of torch and torchvision
#   EXTRAS           which of pyproject.toml's extras come along
#   EXTRA_PACKAGES   packages of Debian to have in it, such as a compiler; none by default
#   VERSION          what its label says; a test holds it to pyproject.toml
#   REVISION         the commit that it is built from, for its label
ARG BASE=python:3.11-slim-bookworm

# The builder has them, too: the bill of materials names them, and a compiler changes what is kept.
FROM ${BASE} AS base
ARG EXTRA_PACKAGES=
RUN test -z "$EXTRA_PACKAGES" \
 || { apt-get update -qq \
   && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $EXTRA_PACKAGES \
   && rm -rf /var/lib/apt/lists/*; }

FROM base AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_NO_CACHE=1
WORKDIR /build
COPY requirements.lock pyproject.toml tools/image_requirements.py tools/image_bill.py ./

# What builds stands apart from what runs, and stays behind.
RUN python3 -m venv tools \
 && grep -o '^uv==[^ ]*' requirements.lock >uv.names && python3 image_requirements.py requirements.lock uv.names >uv.txt \
 && tools/bin/pip install --quiet --require-hashes -r uv.txt \
 && printf 'cyclonedx-bom\nsetuptools\n' >tools.in \
 && tools/bin/uv pip compile tools.in --constraint requirements.lock --python tools/bin/python \
      --no-header --no-annotate --quiet -o tools.names \
 && python3 image_requirements.py requirements.lock tools.names >tools.txt \
 && tools/bin/pip install --quiet --no-deps --require-hashes -r tools.txt

ARG VARIANT=cpu
ARG TORCH_INDEX_URL=
ARG EXTRAS=postgresql,s3,traces,onnx,monai
RUN python3 -m venv --without-pip /opt/wetread \
 && tools/bin/uv pip compile pyproject.toml --constraint requirements.lock \
      --python /opt/wetread/bin/python $(echo "$EXTRAS" | sed 's/[^,][^,]*/--extra &/g; s/,/ /g') \
      --no-header --no-annotate --quiet -o image.names \
 && if command -v gcc || command -v clang; then with="--with compiler"; else with=; fi \
 && cut="python3 image_requirements.py requirements.lock image.names $with" \
 && pip="tools/bin/pip --python /opt/wetread/bin/python install --quiet --no-deps" \
 && uv="tools/bin/uv pip install --python /opt/wetread/bin/python --quiet --no-deps --compile-bytecode" \
 && case "$VARIANT" in \
      cuda) $cut >image.txt ;; \
      cpu)  $cut --without torch >image.txt \
         && $pip ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} $($cut --only torch) ;; \
      *)    echo "VARIANT is cpu or cuda, not $VARIANT" >&2; exit 1 ;; \
    esac \
 && $uv --require-hashes -r image.txt

COPY . src
# What is removed in the end: what only a compiler reads, if there is none, and libraries that PyTorch
# is not linked with.
RUN tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheel ./src \
 && tools/bin/pip --python /opt/wetread/bin/python install --quiet --no-deps wheel/*.whl \
 && { /opt/wetread/bin/python -c 'import torch, torchvision' \
   || { echo "VARIANT=cpu needs TORCH_INDEX_URL: an index with CPU builds of torch" >&2; exit 1; }; } \
 && tools/bin/cyclonedx-py environment --pyproject src/pyproject.toml --output-reproducible \
      --output-file python.cdx.json /opt/wetread/bin/python \
 && python3 image_bill.py python.cdx.json --viewer src/.web/ohif >sbom.cdx.json \
 && cd /opt/wetread/lib/python3.11/site-packages \
 && { command -v gcc || command -v clang || rm -rf torch/include; } \
 && rm -rf torch/share torch/bin/protoc* nvidia/*/include nvidia/*/bin nvidia/*/nvvm \
      nvidia/*/lib/*.bc nvidia/*/lib/libcusolverMg.so* /opt/wetread/.lock \
 && find . -depth \( -type d -name tests -o -type f -name '*.a' \) -exec rm -rf {} +

FROM base
RUN useradd --uid 10001 --user-group --home-dir /var/lib/wetread --no-log-init \
      --shell /usr/sbin/nologin wetread \
 && install -d -o wetread -g wetread -m 0750 \
      /var/lib/wetread /var/lib/wetread/models /var/lib/wetread-archive
COPY --from=builder /opt/wetread /opt/wetread
COPY --from=builder /build/sbom.cdx.json /usr/share/wetread/sbom.cdx.json
COPY .web/ohif /usr/share/wetread/ohif
COPY tools/image-entrypoint.sh /usr/local/bin/wetread-entrypoint
COPY tools/image_health.py /usr/local/bin/wetread-health
ENV PATH=/opt/wetread/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    WETREAD_HOME=/var/lib/wetread \
    WETREAD_HTTP_HOST=0.0.0.0 \
    WETREAD_VIEWER_FOLDER=/usr/share/wetread/ohif
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Wetread" \
      org.opencontainers.image.description="DICOM studies in, structured reports and overlays out. Research use only; not a medical device." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}"
USER 10001:10001
WORKDIR /tmp
EXPOSE 11112 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=2m CMD ["wetread-health"]
ENTRYPOINT ["wetread-entrypoint"]
CMD ["serve"]
