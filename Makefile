# Everything here runs with Go alone; `make test` also installs the Debian
# packages that the integration tests talk to, when it may.

GO        ?= go
TOOLS     := $(CURDIR)/bin/tools
FUZZTIME  ?= 5s
PEERS     := openssh-server openssh-client busybox-static tmux inetutils-telnet putty-tools sudo
LDFLAGS   := -s -w

export CGO_ENABLED ?= 0

.PHONY: build test peers lint unit fuzz soak bench clean

build: ## the static binary, in bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/deployerd ./cmd/deployerd

test: peers lint unit fuzz ## what CI runs

peers: ## install what the integration tests talk to, or say that they will be skipped
	@missing=; for tool in ssh busybox tmux telnet inetutils-telnet plink sudo; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ] || ! [ -x /usr/sbin/sshd ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(PEERS); \
		elif [ -n "$$CI" ]; then \
			echo 'missing: $(PEERS)'; exit 1; \
		else \
			echo '*** $(PEERS) are missing and cannot be installed: tests that need them will be SKIPPED'; \
		fi; \
	fi

$(TOOLS)/gofumpt $(TOOLS)/staticcheck: tools/go.mod
	cd tools && $(GO) build -o $(TOOLS)/ tool

lint: $(TOOLS)/gofumpt $(TOOLS)/staticcheck
	@out=$$($(TOOLS)/gofumpt -l .); [ -z "$$out" ] || { echo "not formatted (gofumpt -w .):"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(TOOLS)/staticcheck ./...

unit:
	CGO_ENABLED=1 $(GO) test -race -timeout 10m ./...

fuzz: ## every fuzz target for FUZZTIME
	@$(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r pkg; do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "fuzz $$pkg $$target $(FUZZTIME)"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg >fuzz.log 2>&1 || { cat fuzz.log; exit 1; }; \
		done; \
	done; rm -f fuzz.log

soak: peers ## the long numbers: 200 kills, 1,000 runs, 10^6 strings, ten minutes a fuzz target
	DEPLOYERD_SOAK=1 CGO_ENABLED=1 $(GO) test -race -timeout 120m -count=1 ./...
	$(MAKE) fuzz FUZZTIME=$${SOAK_FUZZTIME:-10m}

bench: ## the Go benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./...

clean:
	rm -rf bin fuzz.log
