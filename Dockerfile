# Wetread's image: one for all roles. `make image` builds it; docs/container.md says more.
#
#   BASE             a Debian with Python 3.11 and venv; both stages stand on it
#   VARIANT          cpu, or cuda: torch as the lock has it, with its hash
#   TORCH_INDEX_URL  for cpu: the package index with CPU builds of torch and torchvision
#   EXTRAS           which of pyproject.toml's extras come along
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_NO_CACHE=1
WORKDIR /build
COPY requirements.lock pyproject.toml tools/image_requirements.py ./

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
 && cut="python3 image_requirements.py requirements.lock image.names" \
 && pip="tools/bin/pip --python /opt/wetread/bin/python install --quiet --no-deps" \
 && case "$VARIANT" in \
      cuda) $cut >image.txt ;; \
      cpu)  $cut --without torch >image.txt \
         && $pip ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} $($cut --only torch) ;; \
      *)    echo "VARIANT is cpu or cuda, not $VARIANT" >&2; exit 1 ;; \
    esac \
 && $pip --require-hashes -r image.txt

COPY . src
RUN tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheel ./src \
 && tools/bin/pip --python /opt/wetread/bin/python install --quiet --no-deps wheel/*.whl \
 && { /opt/wetread/bin/python -c 'import torch, torchvision' \
   || { echo "VARIANT=cpu needs TORCH_INDEX_URL: an index with CPU builds of torch" >&2; exit 1; }; } \
 && tools/bin/cyclonedx-py environment --pyproject src/pyproject.toml --output-reproducible \
      --output-file sbom.cdx.json /opt/wetread/bin/python \
 && cd /opt/wetread/lib/python3.11/site-packages \
 && rm -rf torch/include torch/share torch/bin/protoc* nvidia/*/include nvidia/*/bin nvidia/*/nvvm \
 && find . -depth \( -type d -name tests -o -type f -name '*.a' \) -exec rm -rf {} +

FROM ${BASE}
RUN useradd --uid 10001 --user-group --home-dir /var/lib/wetread --no-log-init \
      --shell /usr/sbin/nologin wetread \
 && install -d -o wetread -g wetread -m 0750 \
      /var/lib/wetread /var/lib/wetread/models /var/lib/wetread-archive
COPY --from=builder /opt/wetread /opt/wetread
COPY --from=builder /build/sbom.cdx.json /usr/share/wetread/sbom.cdx.json
COPY .web/ohif /usr/share/wetread/ohif
ENV PATH=/opt/wetread/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    WETREAD_HOME=/var/lib/wetread \
    WETREAD_HTTP_HOST=0.0.0.0 \
    WETREAD_VIEWER_FOLDER=/usr/share/wetread/ohif
USER 10001:10001
WORKDIR /tmp
EXPOSE 11112 8080
ENTRYPOINT ["wetread"]
CMD ["serve"]
