# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .sqlx .sqlx
COPY migrations migrations
COPY templates templates
COPY static static
COPY benches benches
COPY tests tests
COPY src src
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin notafter && cp target/release/notafter /notafter

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/notafter --create-home notafter
COPY --from=build /notafter /usr/local/bin/notafter
USER notafter
WORKDIR /var/lib/notafter
ENV NOTAFTER_DATA_DIR=/var/lib/notafter/data
VOLUME /var/lib/notafter
EXPOSE 8080
# The process answers; whether database, worker and sweep are well is /readyz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ^ok <&3"]
ENTRYPOINT ["notafter"]
CMD ["serve"]
