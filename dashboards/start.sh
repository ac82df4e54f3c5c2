#!/bin/sh
# Copies Grafana's provisioning files, and puts this stack's names into the queries of the alert rules and the defaults of
# the dashboards' variables: Grafana replaces environment variables in neither.
set -eu
from=${FROM:-/picture-perfect} to=${TO:-/tmp/picture-perfect}

rm -rf "$to"
mkdir -p "$to"
cp -R "$from/provisioning" "$from/generated" "$to"
for file in "$to"/generated/*.json "$to"/provisioning/alerting/rules.json; do
    sed -E \
        -e "s,\"(text|value|query)\": \"picture-perfect\",\"\1\": \"$STACK\"," \
        -e "s,\"QueueName\": \"picture-perfect-,\"QueueName\": \"$STACK-," \
        -e "s,\"PicturePerfect\",\"$METRICS_NAMESPACE\"," \
        "$file" > "$file.new"
    mv "$file.new" "$file"
done
exec "${RUN:-/run.sh}" "$@"
