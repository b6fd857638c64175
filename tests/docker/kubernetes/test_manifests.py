"""What can be known of the manifests without a cluster: the schemas, and that they agree with settings and images."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import frontend
from docker.kubernetes import rules
from docker.triton import launcher
from frontend.config.loading import load
from frontend.rest import ROUTES
from frontend.telemetry.metrics import Metrics
from tests.docker.kubernetes.manifests import FOLDER, VARIANTS, container, objects, one, pod, quantity
from tests.docker.test_images import DOCKERFILES, arguments, exposed
from tests.triton_server import ROOT

NODE = ROOT / "tests" / "node"
# The oldest release that is still looked after, and the newest whose schemas are to be had.
RELEASES = ("1.34", "1.37")
IMAGES = {"gateway": DOCKERFILES[2], "triton-cpu": DOCKERFILES[1], "triton-gpu": DOCKERFILES[0]}
NO_RIGHTS = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
LAUNCHER = launcher.parse([])

every_variant = pytest.mark.parametrize("variant", VARIANTS)


def environment(variant: str) -> dict[str, str]:
    settings: dict[str, str] = one(variant, "ConfigMap", "gateway-settings")["data"]
    return settings


SETTINGS = load(None, environment("cpu"))


def seconds(probe: dict[str, Any]) -> int:
    """How long it may fail."""
    return int(probe["periodSeconds"]) * int(probe.get("failureThreshold", 3))


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_as_kubernetes_wants_it(release: str) -> None:
    """The library reads all of a release's schemas for each, and most are the same in every variant."""
    for each in {json.dumps(each): each for variant in VARIANTS for each in objects(variant)}.values():
        kubernetes_validate.validate(each, release, strict=True)


def test_a_wrong_object_is_not_as_kubernetes_wants_it() -> None:
    wrong = one("cpu", "Deployment", "gateway")
    wrong["spec"]["template"]["spec"]["gracePeriod"] = 5
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, RELEASES[-1], strict=True)


def test_what_watches_is_as_prometheus_operator_wants_it() -> None:
    program = """
    import { readFileSync } from "node:fs";
    import * as models from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
    for (const each of JSON.parse(readFileSync(0))) { new models[each.kind](each).validate(); console.log(each.kind); }
    """
    watching = objects("monitoring")
    node = ["node", "--input-type=module", "-e", program]
    right = subprocess.run(node, input=json.dumps(watching), cwd=NODE, capture_output=True, text=True)
    assert right.stdout.split() == ["ServiceMonitor", "ServiceMonitor", "PrometheusRule"], right.stderr
    watching[0]["spec"]["endpoints"][0]["port"] = 8099
    assert subprocess.run(node, input=json.dumps(watching), cwd=NODE, capture_output=True, text=True).returncode


def test_the_rules_are_those_of_prometheus() -> None:
    assert rules.FILE.read_text() == rules.written(), "python -m docker.kubernetes.rules"


@every_variant
def test_every_setting_exists_and_can_be_had(variant: str) -> None:
    given = environment(variant) | {each["name"]: "x" for each in container(variant, "gateway")["env"]}
    assert load(None, given).admin.enabled
    required = {each["name"]: each["value"] for each in container(variant, "triton").get("env", [])}
    assert required == ({launcher.REQUIRED_PROVIDER: "cuda"} if variant == "gpu" else {})


@every_variant
def test_the_images_are_of_this_version_and_each_has_its_dockerfile(variant: str) -> None:
    used = {each["image"] for spec in pods(variant) for each in spec["containers"]}
    assert used == {f"speech-{name}:{frontend.__version__}" for name in ("gateway", "triton-cpu", f"triton-{variant}")}
    renamed = {each["name"] for each in yaml.safe_load((FOLDER / variant / "kustomization.yaml").read_text())["images"]}
    assert renamed == {f"speech-{name}" for name in IMAGES}
    page = (ROOT / "docs" / "operations" / "kubernetes.md").read_text()
    for name, dockerfile in IMAGES.items():
        assert re.search(rf"^docker build -f {dockerfile} -t \S+/speech-{name}:{frontend.__version__} \.$", page, re.M)


def pods(variant: str) -> Iterator[dict[str, Any]]:
    for each in objects(variant):
        if each["kind"] in ("Deployment", "Job"):
            yield each["spec"]["template"]["spec"]


@every_variant
def test_every_container_has_its_bounds_and_no_rights(variant: str) -> None:
    for spec in pods(variant):
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        user = spec["securityContext"]
        (dockerfile_user,) = arguments(IMAGES["gateway"], "USER")
        assert f"{user['runAsUser']}:{user['runAsGroup']}" == dockerfile_user
        assert user["runAsNonRoot"]
        assert user["seccompProfile"] == {"type": "RuntimeDefault"}
        for one_of in spec["containers"]:
            assert one_of["securityContext"] == NO_RIGHTS
            assert {"cpu", "memory"} <= set(one_of["resources"]["requests"])
            assert "memory" in one_of["resources"]["limits"]
            assert {each["name"] for each in one_of["volumeMounts"]} == {each["name"] for each in spec["volumes"]}


@every_variant
def test_the_ports_are_those_of_the_settings(variant: str) -> None:
    gateway = {each["name"]: each["containerPort"] for each in container(variant, "gateway")["ports"]}
    assert gateway == {"http": SETTINGS.ports.rest, "admin": SETTINGS.admin.port}
    triton = {each["name"]: each["containerPort"] for each in container(variant, "triton")["ports"]}
    assert triton == {"grpc": LAUNCHER.grpc_port, "metrics": LAUNCHER.metrics_port, "http": LAUNCHER.http_port}
    assert set(triton.values()) == exposed(IMAGES["triton-cpu"])
    assert SETTINGS.triton.grpc_port == triton["grpc"]
    known = {"gateway": gateway, "triton": triton}
    for service in (each for each in objects(variant) if each["kind"] == "Service"):
        named = known[service["spec"]["selector"]["app.kubernetes.io/name"]]
        for port in service["spec"]["ports"]:
            assert named[port["targetPort"]] == port["port"]
    egress = one(variant, "NetworkPolicy", "gateway")["spec"]["egress"][0]["ports"]
    assert egress == [{"port": triton["grpc"]}]


@every_variant
def test_the_gateway_balances_its_calls_itself(variant: str) -> None:
    service = one(variant, "Service", SETTINGS.triton.host)
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True


@every_variant
def test_probes_ask_for_what_is_served(variant: str) -> None:
    paths = {route.path for route in ROUTES} | {"/v2/health/live", "/v2/health/ready"}
    for name in ("gateway", "triton"):
        probed = container(variant, name)
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert probed[kind]["httpGet"]["path"] in paths
            assert probed[kind]["httpGet"]["port"] in {each["name"] for each in probed["ports"]}
    # Triton may take that long to load, and is restarted by its launcher before its pod is.
    assert seconds(container(variant, "triton")["startupProbe"]) >= LAUNCHER.start_seconds
    assert seconds(container(variant, "gateway")["startupProbe"]) >= LAUNCHER.start_seconds
    assert seconds(container(variant, "triton")["livenessProbe"]) > LAUNCHER.unresponsive_seconds


@every_variant
def test_a_pod_may_take_as_long_to_go_as_it_drains(variant: str) -> None:
    command = container(variant, "gateway")["lifecycle"]["preStop"]["exec"]["command"]
    needed = float(command[1]) + SETTINGS.server.stop_seconds
    assert pod(variant, "gateway")["terminationGracePeriodSeconds"] > needed
    assert pod(variant, "triton")["terminationGracePeriodSeconds"] > launcher.GRACE_SECONDS


@every_variant
def test_what_a_gateway_may_hold_has_room(variant: str) -> None:
    limits, media = SETTINGS.limits, SETTINGS.media
    memory = quantity(container(variant, "gateway")["resources"]["limits"]["memory"])
    assert memory >= limits.held_bytes + media.workers * media.memory_bytes + 2**28
    (state,) = [each["emptyDir"] for each in pod(variant, "gateway")["volumes"] if each["name"] == "state"]
    assert quantity(state["sizeLimit"]) > limits.spool_bytes
    assert not SETTINGS.exports.enabled, "they would go with the pod"
    ingress = one(variant, "Ingress", "gateway")["metadata"]["annotations"]
    assert int(ingress["nginx.ingress.kubernetes.io/proxy-body-size"].removesuffix("m")) << 20 > limits.upload_bytes


@every_variant
def test_each_autoscaler_and_budget_is_of_a_deployment_that_may_lose_a_pod(variant: str) -> None:
    for name in ("gateway", "triton"):
        scaler = one(variant, "HorizontalPodAutoscaler", name)["spec"]
        assert one(variant, "Deployment", scaler["scaleTargetRef"]["name"])
        assert "replicas" not in one(variant, "Deployment", name)["spec"], "the autoscaler's affair"
        budget = one(variant, "PodDisruptionBudget", name)["spec"]
        assert budget["maxUnavailable"] < scaler["minReplicas"] <= scaler["maxReplicas"]
        labels = one(variant, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_an_autoscalers_metrics_are_made_of_series_that_exist() -> None:
    adapter = yaml.safe_load((FOLDER / "monitoring" / "adapter.yaml").read_text())["rules"]
    made = {("Pods", each["name"]["as"]) for each in adapter["custom"]}
    made |= {("External", each["name"]["as"]) for each in adapter["external"]}
    assert made == set(wanted_metrics())
    series = {family.name for family in Metrics().registry.collect()}
    for each in (*adapter["custom"], *adapter["external"]):
        name = each["seriesQuery"].partition("{")[0].removesuffix("_bucket")
        assert name in series or name == "nv_inference_pending_request_count"
        query = re.sub("<<.GroupBy>>", "pod", re.sub("<<.LabelMatchers>>", 'namespace="speech"', each["metricsQuery"]))
        assert "<<" not in query
        check_query(query)


def wanted_metrics() -> Iterator[tuple[str, str]]:
    for name in ("gateway", "triton"):
        for metric in one("cpu", "HorizontalPodAutoscaler", name)["spec"]["metrics"]:
            if metric["type"] != "Resource":
                yield metric["type"], metric[metric["type"].lower()]["metric"]["name"]


def check_query(query: str) -> None:
    rule = {"groups": [{"name": "queries", "rules": [{"record": "query", "expr": query}]}]}
    tool = [str(ROOT / ".venv" / "tools" / "promtool"), "check", "rules", "/dev/stdin"]
    done = subprocess.run(tool, input=json.dumps(rule), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scaler_acts_before_the_gateway_is_full_and_before_an_alarm() -> None:
    pods = one("cpu", "HorizontalPodAutoscaler", "gateway")["spec"]["metrics"][1]["pods"]
    assert int(pods["target"]["averageValue"]) <= 0.9 * SETTINGS.server.max_connections
    (late,) = [
        rule for group in rules.content()["groups"] for rule in group["rules"] if rule.get("alert") == "LiveTextLate"
    ]
    external = one("cpu", "HorizontalPodAutoscaler", "triton")["spec"]["metrics"][0]["external"]
    assert float(external["target"]["value"]) < float(late["expr"].rpartition(">")[2])


def test_what_the_image_carries_is_published_once_and_a_version_at_once(tmp_path: Path) -> None:
    image, volume = tmp_path / "image", tmp_path / "volume"
    for path in ("vad/1/model.onnx", "vad/2/model.onnx", "vad/config.pbtxt", "asr/config.pbtxt"):
        (image / path).parent.mkdir(parents=True, exist_ok=True)
        (image / path).write_text(path)
    (volume / "vad" / "2").mkdir(parents=True)
    (volume / "vad" / "2" / "model.onnx").write_text("published before")
    job = container("cpu", "publish-models", "Job")
    (script,) = job["args"]
    script = script.replace("/srv/model_repository", str(image)).replace("/models/", f"{volume}/")
    for _ in range(2):
        subprocess.run([*job["command"], script], check=True)
    there = sorted(str(each.relative_to(volume)) for each in volume.rglob("*") if each.is_file())
    assert there == ["asr/config.pbtxt", "vad/1/model.onnx", "vad/2/model.onnx", "vad/config.pbtxt"]
    assert (volume / "vad" / "2" / "model.onnx").read_text() == "published before"
