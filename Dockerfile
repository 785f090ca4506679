# Corral in a container, from what is in this folder; see docs/deploy.md.
FROM debian:stable-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends nodejs npm ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --create-home --home-dir /data corral \
  && chmod 0700 /data
WORKDIR /opt/corral
COPY . .
# Gets the right Node and the packages of the lock file, and builds the page; the folder is only read from then on.
RUN node bin/corral.mjs serve --help > /dev/null && npm cache clean --force
USER corral
ENV HOST=0.0.0.0 CORRAL_HOME=/data
VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:7860/healthz/ready').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/corral.mjs"]
CMD ["serve"]
