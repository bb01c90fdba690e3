# One file, six images: `docker build --build-arg SERVICE=document .`
# Target `runtime` takes binaries built elsewhere: `docker build --target runtime --build-arg BIN=target/release/document .`
ARG RUST_IMAGE=rust:1.95-bookworm
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST_IMAGE} AS chef
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libssl-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/* \
    && cargo install cargo-chef --locked --version 0.1.73
WORKDIR /src

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
ARG SERVICE
COPY --from=plan /src/recipe.json recipe.json
# Third parties alone: this layer changes only with Cargo.lock.
RUN cargo chef cook --release --package "${SERVICE}" --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package "${SERVICE}" \
    && install -D "target/release/${SERVICE}" /out/service \
    && mkdir /out/lib \
    && ldd /out/service | awk '/libssl|libcrypto|libz\./ {print $3}' | xargs --no-run-if-empty cp --dereference --target-directory /out/lib

FROM ${BASE_IMAGE} AS image
ARG SERVICE
LABEL org.opencontainers.image.title="guildhall-${SERVICE}" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/lib/ /usr/lib/
COPY --from=build /out/service /usr/local/bin/service
USER nonroot
ENTRYPOINT ["/usr/local/bin/service"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usr/local/bin/service", "healthcheck"]

FROM ${BASE_IMAGE} AS runtime
ARG BIN
COPY ${BIN} /usr/local/bin/service
USER nonroot
ENTRYPOINT ["/usr/local/bin/service"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usr/local/bin/service", "healthcheck"]

# The default target.
FROM image
