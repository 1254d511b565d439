# The image of the operator: one static binary, nothing else. The roots that
# vouch for the Exoscale API are compiled into it (see cmd/manager).
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /manager ./cmd/manager

FROM scratch
COPY --from=build /manager /manager
# A number, so that runAsNonRoot can be checked.
USER 65532:65532
ENTRYPOINT ["/manager"]
