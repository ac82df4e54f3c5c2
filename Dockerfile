# One image with two targets: `runtime`, the last and therefore the default, is deployed to AWS; `local` adds the Lambda
# emulator. See docs/how-to/container.md. A private package index is configured by the build secret `pip`, a pip.conf,
# which is in no layer.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS packages
# HEIC=1 installs pillow-heif, which reads HEIC. Its wheels are GPL-2.0 as a whole: see docs/reference/formats.md.
ARG HEIC=0
COPY requirements/runtime.lock requirements/heic.lock /tmp/
# Wheels only: no stage has a compiler. Bytecode is compiled here, since a Lambda function cannot write files, and is
# never compared with its source (unchecked-hash), since files in an image do not change.
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
# Lambda chooses the user, so all users must be able to read the files, whatever the umask of the clone.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app/core /app/handler /app/batch \
 && chmod -R u=rwX,go=rX /app && chmod 0755 /app/entry

FROM ${BASE_IMAGE} AS emulator
COPY container/emulator.lock /tmp/
# The wheel of aws-sam-cli contains the emulator's binaries; the package itself is not installed.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --require-hashes -r /tmp/emulator.lock -d /tmp/wheel \
 && python -m zipfile -e /tmp/wheel/*.whl /tmp/wheel \
 && case "$(uname -m)" in aarch64 | arm64) cpu=arm64 ;; *) cpu=x86_64 ;; esac \
 && install -m 0755 "/tmp/wheel/samcli/local/rapid/aws-lambda-rie-$cpu" /aws-lambda-rie

FROM ${BASE_IMAGE} AS app
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /app /app
# For images FROM this one: with PIP_PYTHON, `pip install` installs into /opt/venv, and Python finds a company's own code
# in /company.
ENV PATH=/opt/venv/bin:$PATH PIP_PYTHON=/opt/venv/bin/python PYTHONPATH=/app:/company PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
# The build of a broken image fails here: `check` loads every entry point, pipeline and operation.
RUN ["/app/entry", "check"]
ENTRYPOINT ["/app/entry"]
CMD ["handler.process.handle"]

FROM app AS local
COPY --from=emulator /aws-lambda-rie /usr/local/bin/aws-lambda-rie
EXPOSE 8080

FROM app AS runtime
