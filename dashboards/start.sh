#!/bin/sh
# What Grafana is provisioned with, with this stack's names in it: the queries of alert rules, and what the variables of
# dashboards say first, take nothing from the environment themselves.
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
