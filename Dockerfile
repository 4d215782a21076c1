# syntax=docker/dockerfile:1

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
# The cache mounts are not part of the image: the binary is copied out of them in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --profile dist --locked --bin lanyard \
    && cp target/dist/lanyard /usr/local/bin/lanyard

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 lanyard \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/lanyard \
        --shell /usr/sbin/nologin lanyard \
    && install -d -o lanyard -g lanyard -m 0700 /var/lib/lanyard
COPY --from=build /usr/local/bin/lanyard /usr/local/bin/lanyard

# By number, so that "must not run as root" can be checked without reading /etc/passwd.
USER 10001:10001
WORKDIR /var/lib/lanyard

# Listening on every address needs LANYARD_PUBLIC_URL too, which only you know: https://…, or
# http://localhost:8080 for a try on one machine.
ENV LANYARD_LISTEN=0.0.0.0:8080 \
    LANYARD_DATA_DIR=/var/lib/lanyard
VOLUME /var/lib/lanyard
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["lanyard", "health"]
ENTRYPOINT ["lanyard"]
CMD ["serve"]
