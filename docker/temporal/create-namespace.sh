#!/bin/sh
# Creates the namespace and the search attributes of Loomkin's workflows. May run again.
#
# The retention is set explicitly, since the server's own default would drop a workflow's history
# after a day. The attributes are those of workflows/protocol/names.ts.
set -eu

temporal operator namespace create -n "$NAMESPACE" --retention "$RETENTION" ||
  temporal operator namespace update -n "$NAMESPACE" --retention "$RETENTION"

for name in SessionId AgentRole AgentState Project Model; do
  temporal operator search-attribute create -n "$NAMESPACE" --name "$name" --type Keyword
done
temporal operator search-attribute create -n "$NAMESPACE" --name CostUsd --type Double
