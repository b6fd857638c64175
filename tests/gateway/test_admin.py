"""The admin listener: what it has, and what clients then have no more."""

import json
from pathlib import Path

from tests.gateway.rest import ask
from tests.gateway_server import WEB_PORTS, GatewayAddress, running_gateway
from tests.triton_server import free_ports


def test_the_admin_listener_has_what_is_not_for_clients(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = {"GATEWAY_ADMIN__ENABLED": "true", "GATEWAY_ADMIN__PORT": str(port), "SERVER_API_KEY": "a-key"}
    with running_gateway(None, tmp_path, settings) as gateway:
        admin = GatewayAddress({**gateway.ports, "admin": port}, gateway.pid, gateway.log_file)
        assert b"gateway_connections" in ask(admin, "/metrics", port="admin")[1]
        as_json = ask(admin, "/metrics", headers={"Accept": "application/json"}, port="admin")[1]
        assert "active_connections" in json.loads(as_json)
        assert "models" in json.loads(ask(admin, "/health/ready", port="admin")[1])
        assert ask(admin, "/core/get_build_info", port="admin")[0] == 200
        assert ask(admin, "/export", port="admin")[0] == 404
        assert ask(admin, "/health", headers={"Host": "rebound.example"}, port="admin")[0] == 421
        status, _, answered = ask(admin, "/metrics", headers={"Origin": "https://page.example"}, port="admin")
        assert (status, answered["Access-Control-Allow-Origin"]) == (403, None), "no page is an operator's"
        for client_port in WEB_PORTS:
            assert ask(gateway, "/metrics", port=client_port)[0] == 404
        assert json.loads(ask(gateway, "/health/ready")[1]) == {"status": "not ready"}
        assert ask(gateway, "/health")[0] == 200


def test_metrics_may_stay_where_clients_are(tmp_path: Path) -> None:
    admin = {"ENABLED": "true", "PORT": "0", "PUBLIC_METRICS": "true"}
    with running_gateway(None, tmp_path, {f"GATEWAY_ADMIN__{name}": value for name, value in admin.items()}) as gateway:
        assert gateway.metric("gateway_held_bytes") == 0
