# Everything here needs Go, git and make; only test-race needs a C compiler.
# What make builds for itself stays in the user's cache directory, shared by
# all checkouts, and is linked from .cache/bin (see test/tools).

.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Lines that begin with "#:" are the variables that help lists.
#: N=50                        bench-converge: Services of two ports each
N ?= 50
#: ONLY=create/killed-after/12 crash: the points meant, by their name or its beginning
ONLY ?=
#: SEED=1 RUNS=10              chaos: the first seed, and how many
SEED ?= 1
RUNS ?= 10
#: FUZZTIME=1m                 fuzz: how long each target is fuzzed
FUZZTIME ?= 1m
#: SUDO=                       e2e-node: what makes it root, e.g. sudo
SUDO ?=
#: KUBECONFIG_OUT=PATH         control-plane: where the kubeconfig goes
KUBECONFIG_OUT ?= .cache/control-plane/kubeconfig
#: PKG=./...                   test, test-race, lint: the packages meant
PKG ?= ./...
#: TEST_FLAGS=                 test, test-race, test-install, test-upgrade: further flags, e.g. -run=Name
TEST_FLAGS ?=
#: COVER_MIN=80                cover: the least percentage of statements
COVER_MIN ?= 80
#: VERSION=$(git describe)     build, image: the version that the programs report
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
#: IMAGE=exoscale-nlb-operator:VERSION  image, image-push, install-manifests, release: the name of the image
IMAGE ?= exoscale-nlb-operator:$(VERSION)
#: PLATFORMS=linux/amd64,linux/arm64    image, image-push: what it is built for
PLATFORMS ?= linux/amd64,linux/arm64
#: BUILDER=                    image, image-push: buildah or docker; default: the one there is
BUILDER ?=
#: DIST=dist                   install-manifests, release: the folder that gets what they make
DIST ?= dist
#: KUBEBUILDER_ASSETS=DIR      test, demo, control-plane: other Kubernetes binaries than our own
KUBEBUILDER_ASSETS ?=

export CGO_ENABLED := 0

BIN := $(CURDIR)/.cache/bin
CONTROL_PLANE := etcd kube-apiserver kube-controller-manager kubectl
# What a node runs; only e2e-node needs it.
NODE := kubelet kube-proxy
TOOLS := $(CONTROL_PLANE) controller-gen golangci-lint helm helm-docs

# Whose binaries the control plane runs: ours, unless others are given.
ifeq ($(strip $(KUBEBUILDER_ASSETS)),)
ASSETS := $(addprefix $(BIN)/,$(CONTROL_PLANE))
override KUBEBUILDER_ASSETS := $(BIN)
endif
export KUBEBUILDER_ASSETS

##@ Code

.PHONY: generate
generate: $(BIN)/controller-gen $(BIN)/helm-docs ## Write deepcopy code, CRDs and RBAC from their markers, and what the chart shares
	$(call generate-in,.)

.PHONY: check-generated
check-generated: $(BIN)/controller-gen $(BIN)/helm-docs ## Fail if generated files aren't what generate writes
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	cp -R $(GENERATE_FROM) "$$tmp"; \
	find "$$tmp/api" -name 'zz_generated.*.go' -exec rm {} +; \
	rm -f "$$tmp"/config/crd/bases/*.yaml "$$tmp"/config/rbac/role.yaml "$$tmp"/config/release/role.yaml "$$tmp"/config/monitoring/prometheus-rule.yaml "$$tmp"/config/argocd/argocd-cm.yaml; \
	( $(call generate-in,"$$tmp") ); \
	stale=0; \
	for dir in api config charts; do \
		git --no-pager diff --no-index --exit-code -- $$dir "$$tmp/$$dir" || stale=1; \
	done; \
	if [ $$stale = 1 ]; then \
		echo "Generated files aren't current (the difference is above): run make generate, and commit what it writes." >&2; exit 1; \
	fi; \
	echo "Generated files are current."

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## Format the code (gofmt, goimports)
	$(BIN)/golangci-lint fmt

.PHONY: lint
lint: $(BIN)/golangci-lint ## Check format, go vet, and the rules of .golangci.yml
	@unformatted=$$(gofmt -l $(wildcard api cmd controllers internal test)); \
	if [ -n "$$unformatted" ]; then printf 'Not formatted (run make fmt):\n%s\n' "$$unformatted" >&2; exit 1; fi
	go vet $(PKG)
	$(BIN)/golangci-lint run $(PKG)

LDFLAGS = -s -w -X main.version=$(VERSION)

.PHONY: build
build: ## Build the programs of cmd/ into bin/, static
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

##@ Tests

# Tests wait more than they compute, so more of them run at once than there are
# processors, the longest first.
LONGEST = $(if $(filter ./...,$(PKG)),./test/integration)

# lint vets, and nobody debugs these binaries: with an empty cache that saves minutes.
# Most of a test is waiting, too: more of those of a package run at once.
QUICKLY = -vet=off -ldflags='-s -w' -parallel 8

.PHONY: test
test: $(ASSETS) ## Run all tests, on a real Kubernetes API server and the simulated cloud
	go test $(QUICKLY) -p 4 -timeout 20m $(TEST_FLAGS) $(LONGEST) $(PKG)

.PHONY: test-race
test-race: $(ASSETS) ## Run all tests under the race detector (needs a C compiler)
	@cc=$$(go env CC); command -v "$${cc%% *}" >/dev/null || { \
		echo "test-race needs a C compiler, since the race detector is linked through cgo: no $$cc here. Install gcc, or name yours in CC." >&2; exit 1; }
	CGO_ENABLED=1 go test -race -p 2 -timeout 40m $(TEST_FLAGS) $(LONGEST) $(PKG)

.PHONY: test-install
test-install: $(ASSETS) $(BIN)/helm ## Run the tests of what is installed, with the real helm; test doesn't
	HELM=$(BIN)/helm go test $(QUICKLY) -timeout 20m $(TEST_FLAGS) ./test/install/...

.PHONY: test-upgrade
test-upgrade: $(ASSETS) ## Upgrade from an earlier operator, which test/upgrade/from names, go back and on; test doesn't
	TEST_UPGRADE=1 go test $(QUICKLY) -count 1 -timeout 30m -v $(TEST_FLAGS) ./test/upgrade

.PHONY: test-image
test-image: ## Build the image twice, and look into it (needs buildah or docker)
	TEST_IMAGE=1 go test -count 1 -timeout 20m -v ./test/image

.PHONY: cover
cover: $(ASSETS) ## Run all tests; tell the coverage of controllers/ and internal/, fail below COVER_MIN
	@mkdir -p .cache
	go test $(QUICKLY) -p 4 -timeout 20m -coverpkg=./controllers/...,./internal/... -coverprofile=.cache/cover.all $(LONGEST) ./...
	@grep -v '/zz_generated\.' .cache/cover.all > .cache/cover.out
	@go tool cover -func=.cache/cover.out | awk -v min=$(COVER_MIN) ' \
		{ last = $$0 } \
		END { sub(/.*\t/, "", last); printf "controllers and internal: %s of statements (go tool cover -html=.cache/cover.out shows them)\n", last; \
			if (last + 0 < min) { printf "That is less than %d %%.\n", min; exit 1 } }'

.PHONY: crash
crash: $(ASSETS) ## Kill the operator at each of its writes, lose or fail each call; tell what survives
	go run ./test/crash -only "$(ONLY)"

.PHONY: chaos
chaos: $(ASSETS) ## Live through random histories, each made from its seed
	go run ./test/chaos -seed $(SEED) -runs $(RUNS)

# It makes a sandbox for itself, and says what it lacks for that before anything
# big is built.
E2E_NODE = $(SUDO) env E2E_BINARIES=$(BIN) E2E_LOGS=$(CURDIR)/.cache/e2e-node KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) $(BIN)/e2e-node.test

.PHONY: e2e-node
e2e-node: ## Send datagrams the whole way to Pods on a real node (as root on Linux)
	@mkdir -p .cache/e2e-node
	@go test -c -o $(BIN)/e2e-node.test ./test/e2e
	@if $(E2E_NODE) -check; then $(MAKE) --no-print-directory e2e-node-runs; fi

.PHONY: e2e-node-runs
e2e-node-runs: $(ASSETS) $(addprefix $(BIN)/,$(NODE))
	go build -trimpath -ldflags '-s -w' -o $(BIN)/e2e/ ./cmd/udp-healthcheck ./test/e2e/pause ./test/e2e/udpecho
	@trap '' INT; trap '$(SUDO) chown -R "$$(id -u)" .cache/e2e-node' EXIT; \
	$(E2E_NODE) -test.v -test.timeout 20m

.PHONY: fuzz
fuzz: ## Fuzz the parsing of annotations and probe specs, the projection and the values of labels, on one core
	go test ./internal/annotation -run '^$$' -fuzz FuzzParse -parallel 1 -fuzztime $(FUZZTIME)
	go test ./internal/projection -run '^$$' -fuzz FuzzProject -parallel 1 -fuzztime $(FUZZTIME)
	go test ./internal/udpprobe -run '^$$' -fuzz FuzzParse -parallel 1 -fuzztime $(FUZZTIME)
	go test ./internal/udpprobe -run '^$$' -fuzz FuzzJudge -parallel 1 -fuzztime $(FUZZTIME)
	go test ./internal/nlb -run '^$$' -fuzz FuzzLabelValue -parallel 1 -fuzztime $(FUZZTIME)

.PHONY: bench-converge
bench-converge: $(ASSETS) ## Tell how long N Services take until all are Ready
	go run ./test/bench/converge -n $(N)

.PHONY: bench-nodes
bench-nodes: $(ASSETS) ## Tell what 5, 50 and 500 nodes cost in calls, and how soon a scale-up of 100 is identified
	go run ./test/bench/nodes

##@ Release

# The programs in the image.
IMAGE_PROGRAMS = $(wildcard cmd/manager cmd/udp-healthcheck)

# What is made is as old as the commit that it is made of, so that it is the same
# whenever it is made.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)

.PHONY: image
image: image-programs ## Build the image with buildah or docker: in its store, and as dist/image.tar
	@$(BUILD_IMAGE)

.PHONY: image-push
image-push: image-programs ## Build the image, and push it to the registry that IMAGE names
	@$(BUILD_IMAGE) --push

BUILD_IMAGE = IMAGE='$(IMAGE)' PLATFORMS='$(PLATFORMS)' BUILDER='$(BUILDER)' VERSION='$(VERSION)' \
	REVISION='$(REVISION)' SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' image/build

# A name with a tag or a digest, as kustomize takes them.
IMAGE_NAME = $(shell echo '$(IMAGE)' | sed -E 's/(@.*|:[^:/]*)$$//')
IMAGE_REST = $(patsubst $(IMAGE_NAME)%,%,$(IMAGE))
KUBECTL = $(KUBEBUILDER_ASSETS)/kubectl

.PHONY: install-manifests
install-manifests: $(filter %/kubectl,$(ASSETS)) ## Render dist/install.yaml, all of config/default with the image that IMAGE names
	@mkdir -p $(DIST)
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	cp -R config "$$tmp"; mkdir "$$tmp/install"; \
	{ echo 'apiVersion: kustomize.config.k8s.io/v1beta1'; echo 'kind: Kustomization'; echo 'resources: [../config/default]'; \
	  echo 'images:'; echo '  - name: exoscale-nlb-operator'; echo "    newName: '$(IMAGE_NAME)'"; \
	  case '$(IMAGE_REST)' in \
	  @*) echo "    digest: '$(patsubst @%,%,$(IMAGE_REST))'" ;; \
	  :*) echo "    newTag: '$(patsubst :%,%,$(IMAGE_REST))'" ;; \
	  *) echo "    newTag: latest" ;; \
	  esac; } > "$$tmp/install/kustomization.yaml"; \
	$(KUBECTL) kustomize "$$tmp/install" > $(DIST)/install.yaml
	@echo "Rendered $(DIST)/install.yaml for $(IMAGE)."

# The chart's version has to be a semantic one: that of a tag, else 0.0.0 and the commit's.
CHART_VERSION = $(shell echo '$(VERSION)' | sed -E '/^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$$/!s/^/0.0.0-g/; s/^v//')

# helm writes the time of day into a package: it is packed once more without.
.PHONY: release
release: install-manifests $(BIN)/helm ## Make dist/: the chart, install.yaml, the CRDs, and checksums; the same commit gives the same bytes
	@rm -f $(DIST)/exoscale-nlb-operator-*.tgz $(DIST)/SHA256SUMS
	@$(KUBECTL) kustomize config/crd > $(DIST)/crds.yaml
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	$(BIN)/helm package $(CHART) --version '$(CHART_VERSION)' --app-version '$(VERSION)' --destination "$$tmp" >/dev/null; \
	tar --extract --touch --gzip --file "$$tmp"/*.tgz --directory "$$tmp"; \
	tar --create --directory "$$tmp" --sort=name --mtime='@$(SOURCE_DATE_EPOCH)' --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX exoscale-nlb-operator \
		| gzip --no-name --best > $(DIST)/exoscale-nlb-operator-$(CHART_VERSION).tgz
	@cd $(DIST) && sha256sum -- exoscale-nlb-operator-*.tgz crds.yaml install.yaml $(notdir $(wildcard $(DIST)/image.tar)) > SHA256SUMS && cat SHA256SUMS

comma := ,
.PHONY: image-programs
image-programs:
	@rm -rf dist/image
	@set -- $(subst $(comma), ,$(PLATFORMS)); for platform; do \
		os=$${platform%%/*} arch=$${platform##*/}; \
		echo "Building $(notdir $(IMAGE_PROGRAMS)) for $$platform"; \
		mkdir -p dist/image/$$os-$$arch; \
		GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o dist/image/$$os-$$arch/ $(addprefix ./,$(IMAGE_PROGRAMS)); \
	done

##@ Try it

.PHONY: demo
demo: $(ASSETS) ## Show the operator at work: a cluster, a simulated cloud, real traffic
	@go build -o $(BIN)/demo ./test/demo
	@trap '' INT; $(BIN)/demo # Ctrl-C is the demo's to answer

.PHONY: control-plane
control-plane: $(ASSETS) $(BIN)/controlplane ## Start a Kubernetes control plane that keeps running
	@$(BIN)/controlplane start -kubeconfig "$(KUBECONFIG_OUT)"

.PHONY: control-plane-stop
control-plane-stop: $(BIN)/controlplane ## Stop it
	@$(BIN)/controlplane stop

##@ Housekeeping

.PHONY: tools
tools: $(addprefix $(BIN)/,$(TOOLS)) ## Build every pinned tool ahead of time (minutes, once per machine)

.PHONY: clean
clean: ## Remove what was built here (the shared cache of tools stays)
	@if [ -x $(BIN)/controlplane ]; then $(BIN)/controlplane stop; fi
	rm -rf bin dist .cache

.PHONY: help
help: ## List the targets and variables
	@awk 'BEGIN { FS = ":.*## "; print "make TARGET [VARIABLE=value]" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 } \
		/^#: / { vars = vars "  " substr($$0, 4) "\n" } \
		END { printf "\nVariables\n%s", vars }' $(firstword $(MAKEFILE_LIST))

# What generated files are made from. Some folders come with later issues.
GENERATE_FROM = $(wildcard go.mod go.sum api charts cmd config controllers internal test)
# What Nodes may be changed by is switched on by flags, and has a role of its own.
NODE_FEATURES = controllers/csr controllers/node
# So is what changes Pods, and what makes the certificate for that.
POD_FEATURES = controllers/sidecar controllers/webhookcert
RBAC_PATHS = $(patsubst %,paths=./%/...,cmd $(filter-out $(NODE_FEATURES) $(POD_FEATURES),$(wildcard controllers/*)))
NODE_RBAC_PATHS = $(patsubst %,paths=./%/...,$(NODE_FEATURES))

# generate-in,DIR writes the generated files of the tree in DIR.
define generate-in
cd $(1) && $(BIN)/controller-gen object paths=./api/... \
&& $(BIN)/controller-gen crd paths=./api/... output:crd:dir=config/crd/bases \
&& $(BIN)/controller-gen rbac:roleName=exoscale-nlb-operator $(RBAC_PATHS) output:rbac:dir=config/rbac \
&& $(BIN)/controller-gen rbac:roleName=exoscale-nlb-operator-nodes $(NODE_RBAC_PATHS) output:rbac:dir=config/components/nodes \
&& $(BIN)/controller-gen rbac:roleName=exoscale-nlb-operator-webhook paths=./controllers/sidecar/... output:rbac:dir=config/webhook \
&& $(BIN)/controller-gen rbac:roleName=exoscale-nlb-operator-webhook-certificate paths=./controllers/webhookcert/... output:rbac:dir=config/webhook/certificate \
&& $(BIN)/controller-gen rbac:roleName=exoscale-nlb-operator-release paths=./internal/release output:rbac:dir=config/release \
&& $(call alerts-in) \
&& $(call argocd-in) \
&& $(call chart-in)
endef

# The alerts as the Prometheus operator takes them.
define alerts-in
awk '/^groups:/ { rules = 1 } !rules { next } /./ { $$0 = "  " $$0 } 1' config/monitoring/alerts.yaml \
	| cat config/monitoring/prometheus-rule.head - > config/monitoring/prometheus-rule.yaml
endef

# The scripts as the settings of Argo CD take them.
health-of = echo "  resource.customizations.health.$(1): |"; sed 's/^./    &/' config/argocd/$(2)
define argocd-in
{ cat config/argocd/argocd-cm.head; \
	$(call health-of,nlb.exoscale.com_NetworkLoadBalancer,health.lua); \
	$(call health-of,nlb.exoscale.com_NLBService,health.lua); \
	$(call health-of,nlb.exoscale.com_NodeIdentity,health.lua); \
	$(call health-of,Service,service-health.lua); } > config/argocd/argocd-cm.yaml
endef

# The chart has its own copy of what it shares with config/, and a role for each
# of the node features.
CHART = charts/exoscale-nlb-operator
node-role = $(BIN)/controller-gen rbac:roleName=exoscale-nlb-operator-$(1),fileName=$(1).yaml paths=$(2) output:rbac:dir=$(CHART)/files/rbac
define chart-in
rm -rf $(CHART)/files && mkdir -p $(CHART)/files/crds $(CHART)/files/rbac \
&& cp config/crd/bases/*.yaml $(CHART)/files/crds \
&& cp config/rbac/role.yaml config/rbac/leader-election.yaml config/rbac/metrics.yaml $(CHART)/files/rbac \
&& cp config/release/role.yaml $(CHART)/files/rbac/release.yaml && cp config/release/lease.yaml $(CHART)/files/rbac/release-lease.yaml \
&& cp config/webhook/role.yaml $(CHART)/files/rbac/webhook.yaml && cp config/webhook/certificate/role.yaml $(CHART)/files/rbac/webhook-certificate.yaml \
&& cp config/webhook/webhook.yaml config/webhook/admission-policy.yaml $(CHART)/files \
&& $(call node-role,node-initialization,controllers/node/initialise.go) \
&& $(call node-role,node-deletion,controllers/node/remove.go) \
&& $(call node-role,node-csr-approval,controllers/csr/controller.go) \
&& cp config/argocd/argocd-cm.yaml config/monitoring/alerts.yaml config/monitoring/dashboard.json $(CHART)/files \
&& $(BIN)/helm-docs --chart-search-root $(CHART) --sort-values-order file --log-level warning
endef

# A tool is as new as its last use, so that it is looked at again when its pins
# or the way it is built have changed.
$(addprefix $(BIN)/,$(TOOLS) $(NODE)): $(filter-out %_test.go,$(wildcard test/tools/*.go))
	@go run ./test/tools -bin $(BIN) $(@F)
$(BIN)/etcd: test/tools/etcd/go.mod
$(addprefix $(BIN)/,kube-apiserver kube-controller-manager kubectl $(NODE)): test/tools/kubernetes/go.mod
$(BIN)/controller-gen: test/tools/controller-gen/go.mod
$(BIN)/golangci-lint: test/tools/golangci-lint/go.mod
$(BIN)/helm: test/tools/helm/go.mod
$(BIN)/helm-docs: test/tools/helm-docs/go.mod

# Go knows best whether this is current.
.PHONY: $(BIN)/controlplane
$(BIN)/controlplane:
	@go build -o $@ ./test/controlplane/cmd/controlplane
