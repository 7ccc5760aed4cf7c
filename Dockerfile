# countersign as an image: Node and the program, no distribution around them; uid 10001; nothing to write but a volume.
#
#   docker build -t countersign .            (podman and buildah: add --format docker, for the HEALTHCHECK)
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 8080:8080 \
#     -v "$PWD/countersign.yaml:/etc/countersign/countersign.yaml:ro" -v countersign:/var/lib/countersign countersign
#
# Pin the base by its digest where builds must be repeatable: --build-arg NODE_IMAGE=docker.io/library/node@sha256:…
ARG NODE_IMAGE=docker.io/library/node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No install scripts: they would run code of every development tool, and TypeScript needs none.
# The secret is for registries behind a login or an authority of one's own: --secret id=npmrc,src=$HOME/.npmrc
RUN --mount=type=secret,id=npmrc NPM_CONFIG_USERCONFIG=/run/secrets/npmrc \
    npm ci --fetch-retries=5 --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# All that the image will hold beside the program: Node, the libraries it is linked with, the folder of the volume.
# No shell, no package manager, no npm: nothing for an intruder to live off, nothing for a scanner to report.
RUN mkdir /image && cp --parents "$(command -v node)" /image \
 && ldd "$(command -v node)" | grep -o '/[^ ]*' | xargs -I LIBRARY cp --parents --dereference LIBRARY /image \
 && install -d -m 0700 -o 10001 -g 10001 /image/var/lib/countersign

FROM scratch
LABEL org.opencontainers.image.title="countersign" \
      org.opencontainers.image.description="Authenticating reverse proxy that countersigns requests with X-JWT-Assertion" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
# Owned by root: the process cannot change its own code.
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# For `dataDir: /var/lib/countersign`: generated signing keys. A new named volume gets the permissions of the folder.
VOLUME /var/lib/countersign
ENV NODE_ENV=production
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# (DEP0060 is about a call in http-proxy that concerns nobody who reads this log.)
# Alive, not ready: a restart does not bring back the key set of an issuer that is down.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/node", "--disable-warning=DEP0060", "/app/dist/main.js", "health", "alive", "--config", "/etc/countersign/countersign.yaml"]
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=DEP0060", "/app/dist/main.js"]
CMD ["serve", "--config", "/etc/countersign/countersign.yaml"]
