#!/bin/sh
# What the image's room goes to, in MB; it runs inside: docker run -i --entrypoint sh IMAGE <tools/image-parts.sh
cd /opt/wetread/lib/python3*/site-packages
size() { # what to call it, paths
    what=$1 && shift
    printf '%6d MB  %s\n' "$(du --summarize --total --block-size=1MB --no-dereference "$@" 2>/dev/null | tail -1 | cut -f1)" "$what"
}
size "CUDA (nvidia)" nvidia
size "PyTorch (torch, torchvision)" torch torchvision
size "Python packages beside these" $(ls -d -- * | grep -vxE 'nvidia|torch|torchvision|wetread|inference|dicom_node|orthanc|structured_reports')
size "Wetread and its models" wetread inference dicom_node orthanc structured_reports
size "the viewer OHIF" /usr/share/wetread/ohif
size "Debian and Python" /bin /etc /lib* /sbin /usr/bin /usr/lib* /usr/local /usr/sbin /usr/share/[!w]* /var/lib/dpkg
exit 0
