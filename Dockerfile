# One image, two targets: `runtime`, the last and so the default, goes to AWS; `local` is the same files and the
# Lambda emulator. docs/how-to/container.md explains both. What pip needs to know of a private index comes as the build
# secret `pip`, a pip.conf, so that it is in no layer.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS packages
# 1 puts in what reads HEIC. Its wheels are GPL-2.0 as a whole: docs/reference/formats.md says what that means for an image.
ARG HEIC=0
COPY requirements/runtime.lock requirements/heic.lock /tmp/
# Wheels only: no compiler is in any stage. Bytecode is made here once, since a function cannot write it down, and
# is never compared with its source again, since nothing changes in an image.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    case "$HEIC" in 1) lock=heic ;; 0 | "") lock=runtime ;; *) echo "HEIC is 0 or 1, not $HEIC" >&2; exit 1 ;; esac \
 && python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
    --root-user-action=ignore --only-binary :all: --require-hashes -r "/tmp/$lock.lock" \
 && find /opt/venv -type d -name tests -prune -exec rm -r {} + \
 && find /opt/venv -name '*.pyi' -delete \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib \
 && chmod -R a+rX /opt/venv

FROM ${BASE_IMAGE} AS code
COPY LICENSE container/entry container/check.py /app/
COPY core /app/core
COPY handler /app/handler
COPY batch /app/batch
# Lambda runs it as a user of its own choice, so everyone must be able to read it, whatever umask it was cloned under.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app/core /app/handler /app/batch \
 && chmod -R u=rwX,go=rX /app && chmod 0755 /app/entry

FROM ${BASE_IMAGE} AS emulator
COPY container/emulator.lock /tmp/
# The emulator's binaries ship inside aws-sam-cli's wheel; installing the rest of it is not needed.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --require-hashes -r /tmp/emulator.lock -d /tmp/wheel \
 && python -m zipfile -e /tmp/wheel/*.whl /tmp/wheel \
 && case "$(uname -m)" in aarch64 | arm64) cpu=arm64 ;; *) cpu=x86_64 ;; esac \
 && install -m 0755 "/tmp/wheel/samcli/local/rapid/aws-lambda-rie-$cpu" /aws-lambda-rie

FROM ${BASE_IMAGE} AS app
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /app /app
# In an image made FROM this one, `pip install` reaches the environment that is used by PIP_PYTHON, and /company is
# where a company's own code goes.
ENV PATH=/opt/venv/bin:$PATH PIP_PYTHON=/opt/venv/bin/python PYTHONPATH=/app:/company PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
# A broken image cannot be built: every entry is loaded, and every pipeline.
RUN ["/app/entry", "check"]
ENTRYPOINT ["/app/entry"]
CMD ["handler.process.handle"]

FROM app AS local
COPY --from=emulator /aws-lambda-rie /usr/local/bin/aws-lambda-rie
EXPOSE 8080

FROM app AS runtime
