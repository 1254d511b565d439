# The image of the operator: static binaries, nothing else. They are built by
# make image, which calls this with dist/image, the folder they are in; the roots
# that vouch for the Exoscale API are compiled into them (see cmd/manager).
FROM scratch
ARG TARGETOS TARGETARCH
COPY ${TARGETOS}-${TARGETARCH}/ /
# A number, so that runAsNonRoot can be checked.
USER 65532:65532
ENTRYPOINT ["/manager"]
ARG VERSION REVISION CREATED
LABEL org.opencontainers.image.title="exoscale-nlb-operator" \
      org.opencontainers.image.description="Kubernetes operator for Exoscale Network Load Balancers" \
      org.opencontainers.image.source="https://github.com/exoscale-community/nlb-operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
