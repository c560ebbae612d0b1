"""What the chart makes of other projects' custom resources, as far as it uses them.

Structural schemas in JSON Schema, closed: a field that is not here is a slip until looked up.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_DURATION: Schema = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}


def _object(required: dict[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 1}


def _resource(version: str, spec: Schema) -> Schema:
    metadata = _object({"name": _TEXT, "labels": _LABELS}, annotations=_LABELS)
    return _object(
        {"apiVersion": {"const": version}, "kind": _TEXT, "metadata": metadata, "spec": spec}
    )


_KEDA = "keda.sh/v1alpha1"
_PROMETHEUS = "monitoring.coreos.com/v1"
_SELECTOR = _object({"matchLabels": _LABELS})

SCHEMAS: dict[str, Schema] = {
    "ScaledObject": _resource(
        _KEDA,
        _object(
            {
                "scaleTargetRef": _object({"name": _TEXT}, apiVersion=_TEXT, kind=_TEXT),
                "triggers": _list(
                    _object(
                        {"type": {"const": "postgresql"}, "metadata": _LABELS},
                        authenticationRef=_object({"name": _TEXT}),
                    )
                ),
            },
            pollingInterval=_COUNT,
            cooldownPeriod=_COUNT,
            minReplicaCount=_COUNT,
            maxReplicaCount=_COUNT,
            fallback=_object({"failureThreshold": _COUNT, "replicas": _COUNT}),
        ),
    ),
    "TriggerAuthentication": _resource(
        _KEDA,
        _object(
            {"secretTargetRef": _list(_object({"parameter": _TEXT, "name": _TEXT, "key": _TEXT}))}
        ),
    ),
    "ServiceMonitor": _resource(
        _PROMETHEUS,
        _object(
            {
                "selector": _SELECTOR,
                "endpoints": _list(
                    _object(
                        {"port": _TEXT, "path": _TEXT, "interval": _DURATION},
                        relabelings=_list(
                            _object({"sourceLabels": _list(_TEXT), "targetLabel": _TEXT})
                        ),
                    )
                ),
            },
            namespaceSelector=_object({"matchNames": _list(_TEXT)}),
        ),
    ),
    "PrometheusRule": _resource(
        _PROMETHEUS,
        _object(
            {
                "groups": _list(
                    _object(
                        {
                            "name": _TEXT,
                            "rules": _list(
                                _object(
                                    {"alert": _TEXT, "expr": _TEXT},
                                    **{"for": _DURATION, "labels": _LABELS, "annotations": _LABELS},
                                )
                            ),
                        }
                    )
                )
            }
        ),
    ),
}
