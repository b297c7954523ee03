"""The pages of docs/deploy, played on what they speak of: `make engines`, with PARTS and pytest's ARGS.

It boots one Debian 13 for all parts, with systemd as its first process and Docker as its service, in namespaces of its
own: nothing of this machine is changed, and all ends with the run. It needs root, buildah, systemd-nspawn (in
Debian's package systemd-container), slirp4netns, iproute2, the image python:3.13-slim among buildah's, and Debian's
packages; 4 GB of disk. The installed system stays as a working container of buildah: leadterra-exporter-debian.
Kubernetes and size also need what `make kubernetes` and `make helm` build.
"""
