# One image for the command line and for workers; docker-compose.yml runs `tidemark worker` from it.
# Built in the full image, which has the CA certificates that the slim one lacks and a worker needs for TLS.
FROM node:20.20.2 AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package of ours needs its install script: native parts come prebuilt.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && mkdir out

FROM node:20.20.2-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# Whole: npm counts Temporal's packages, peers of this one, among the development dependencies that pruning removes.
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/package.json ./package.json
COPY --from=build /app/dist ./dist
# Where the examples write: a volume mounted there takes over whose it is.
COPY --from=build --chown=node:node /app/out ./out
USER node
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["--help"]
