"""What the dashboards show: a row a question, a panel an answer. `python -m docker.grafana` writes their files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    title: str
    unit: str  # one of Grafana's: short, s, bytes, percentunit, ops, reqps, none
    queries: Mapping[str, str]  # legend: PromQL
    note: str = ""
    kind: str = "timeseries"  # or "stat"


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    rows: Mapping[str, Sequence[Panel]]


def _quantile(share: str, metric: str, by: str = "", of: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{of}[$__rate_interval])))"


def _rate(metric: str, by: str, of: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{of}[$__rate_interval]))"


GATEWAY = Dashboard(
    uid="speech-gateway",
    title="Speech gateway",
    rows={
        "Is it well?": (
            Panel("Gateways up", "none", {"up": 'sum(up{job="gateway"})'}, kind="stat"),
            Panel("Models ready", "none", {"ready": "sum(gateway_model_ready)"}, kind="stat"),
            Panel("Connections", "none", {"open": "sum(gateway_connections)"}, kind="stat"),
            Panel("Fullest limit", "percentunit", {"share": "max(gateway:fullness:ratio)"}, "1 is full", kind="stat"),
        ),
        "Who is here?": (
            Panel("Connections", "short", {"{{protocol}}": "sum by (protocol) (gateway_connections)"}),
            Panel(
                "Upgrades",
                "ops",
                {
                    "accepted": "sum(rate(gateway_accepted_total[$__rate_interval])) or vector(0)",
                    "refused: {{reason}}": _rate("gateway_refused_total", "reason"),
                },
                "why clients are refused: overloaded and unavailable are ours, the others theirs",
            ),
            Panel("Ends by Close code", "ops", {"{{close_code}}": _rate("gateway_closed_total", "close_code")}),
            Panel("Errors told", "ops", {"{{protocol}} {{code}}": _rate("gateway_errors_total", "protocol, code")}),
        ),
        "Is it quick?": (
            Panel(
                "Replies, 99 of 100 within",
                "s",
                {"{{protocol}}": _quantile("0.99", "gateway_reply_seconds", "protocol")},
            ),
            Panel(
                "Live finals told late by",
                "s",
                {
                    "{{protocol}}, 95 of 100 within": _quantile("0.95", "gateway_live_lag_seconds", "protocol"),
                    "{{protocol}}, half within": _quantile("0.5", "gateway_live_lag_seconds", "protocol"),
                },
            ),
            Panel(
                "First words of an utterance after",
                "s",
                {"{{protocol}}, 95 of 100 within": "gateway:live_first_text_seconds:p95"},
                "from its first sound; those that send no partials have their first words with the final",
            ),
            Panel(
                "Finals within a second",
                "percentunit",
                {"{{protocol}}": "gateway:live_kept_up:ratio"},
                "1 is all of them",
            ),
            Panel("Live streams that lag", "short", {"over 2 s late": "sum(gateway_live_lagging)"}),
            Panel(
                "Event loop late by",
                "s",
                {"99 of 100 within": _quantile("0.99", "gateway_loop_lag_seconds")},
                "above 0.1 s the gateway itself is the bottleneck: more workers",
            ),
            Panel("Messages", "ops", {"{{protocol}} {{kind}}": _rate("gateway_messages_total", "protocol, kind")}),
            Panel("REST", "reqps", {"{{path}} {{status}}": _rate("gateway_http_requests_total", "path, status")}),
        ),
        "What does it take?": (
            Panel("Processor cores", "none", {"used": "sum(rate(gateway_cpu_seconds[$__rate_interval]))"}),
            Panel("Resident memory", "bytes", {"of all workers": "sum(gateway_resident_memory_bytes)"}),
            Panel("How full", "percentunit", {"{{of}}": "max by (of) (gateway:fullness:ratio)"}, "1 is full"),
            Panel(
                "Recordings on the disk",
                "bytes",
                {"kept": "sum(gateway_exports_bytes)", "waiting for the models": "sum(gateway_spooled_bytes)"},
            ),
            Panel(
                "Exports",
                "ops",
                {
                    "{{outcome}}": _rate("gateway_exports_total", "outcome"),
                    "not saved": "sum(rate(gateway_exports_save_failures_total[$__rate_interval]))",
                },
            ),
            Panel("Files decoded", "ops", {"{{outcome}}": _rate("gateway_media_jobs_total", "outcome")}),
            Panel("Decoding a file, 95 of 100 within", "s", {"within": _quantile("0.95", "gateway_media_seconds")}),
            Panel("Free on the disk", "bytes", {"{{of}}": "min by (of) (gateway_free_bytes)"}),
        ),
        "Transcription clients": (
            Panel(
                "Requests",
                "ops",
                {"{{machine_id}} {{status}}": _rate("asr_requests_total", "machine_id, status")},
            ),
            Panel(
                "Times real time",
                "none",
                {
                    "{{machine_id}}": _rate("asr_audio_seconds_total", "machine_id")
                    + " / "
                    + _rate("asr_processing_seconds_sum", "machine_id")
                },
                "seconds of audio to a second of waiting",
            ),
        ),
    },
)

MODELS = Dashboard(
    uid="speech-models",
    title="Speech models",
    rows={
        "As the gateway sees them": (
            Panel("Ready", "none", {"{{model}}": "min by (model) (gateway_model_ready)"}),
            Panel(
                "Calls",
                "ops",
                {"{{model}} {{outcome}}": _rate("gateway_triton_calls_total", "model, outcome")},
                "all but answered and refused are tried again",
            ),
            Panel(
                "Answered, 95 of 100 within",
                "s",
                {"{{model}}": _quantile("0.95", "gateway_triton_call_seconds", "model")},
            ),
            Panel("Under way", "short", {"{{model}}": "sum by (model) (gateway_triton_in_flight)"}),
            Panel(
                "Streams in a call",
                "none",
                {"{{model}}": "gateway:batch_rows:mean"},
                "more are cheaper: most of a small call is the call itself",
            ),
            Panel(
                "Waited to be sent, 95 of 100 within",
                "s",
                {"{{model}}": _quantile("0.95", "gateway_batch_wait_seconds", "model")},
            ),
        ),
        "As Triton sees them": (
            Panel("Inferences", "ops", {"{{model}}": _rate("nv_inference_count", "model")}),
            Panel("Failures", "ops", {"{{model}}": _rate("nv_inference_request_failure", "model")}),
            Panel("Rows in a batch", "none", {"{{model}}": "triton:batch_size:mean"}),
            Panel("Waited in Triton's queue", "s", {"{{model}}": "triton:queue_seconds:mean"}),
            Panel("A batch computes", "s", {"{{model}}": "triton:compute_seconds:mean"}),
            Panel("Waiting in Triton", "short", {"{{model}}": "sum by (model) (nv_inference_pending_request_count)"}),
        ),
        "One against the other": (
            Panel(
                "Of a call, outside of Triton",
                "s",
                {
                    "{{model}}": "sum by (model) (rate(gateway_triton_call_seconds_sum[$__rate_interval]))"
                    " / sum by (model) (rate(gateway_triton_call_seconds_count[$__rate_interval]))"
                    " - sum by (model) (rate(nv_inference_request_duration_us[$__rate_interval])) / 1e6"
                    " / sum by (model) (rate(nv_inference_request_success[$__rate_interval]))"
                },
                "the wire and the wait for the gateway's own turn",
            ),
            Panel(
                "Rows that others asked for",
                "ops",
                {"{{model}}": _rate("nv_inference_count", "model") + " - " + _rate("gateway_batch_rows_sum", "model")},
                "readiness probes, the launcher's, and clients beside this gateway",
            ),
        ),
        "Graphics processors": (
            Panel("Utilisation", "percentunit", {"{{gpu_uuid}}": "nv_gpu_utilization"}, "empty without one"),
            Panel("Memory", "bytes", {"{{gpu_uuid}}": "nv_gpu_memory_used_bytes"}, "empty without one"),
        ),
    },
)

DASHBOARDS = (GATEWAY, MODELS)
