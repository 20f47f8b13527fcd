from __future__ import annotations

import json
import os
import signal
import socket
from urllib.parse import quote

import psutil

from quintet.embedded import ports
from quintet.fleet import control
from tests.fleet import throwaway
from tests.fleet.system import decoded, eventually


def gone(processes):
    return psutil.wait_procs(processes, timeout=5)[1] == []


def test_everything_is_ready_when_up_returns(system):
    states = {unit["name"]: unit["state"] for unit in system.status()["units"]}

    names = ["postgres", "valkey", "gateway", "alpha", "beta", "beta-worker"]
    assert states == dict.fromkeys(names, "ready")


def test_status_says_where_each_url_came_from_and_no_url(system):
    shown = system.command("status", "--json").stdout

    assert json.loads(shown)["origins"]["alpha database"] == "embedded"
    assert "postgres://" not in shown


def test_wait_returns_the_services_that_were_named(system):
    waited = json.loads(system.command("wait", "alpha", "--json").stdout)

    assert [unit["name"] for unit in waited] == ["alpha"]


def test_waiting_for_something_unknown_says_what_there_is(system):
    refused = system.command("wait", "gamma", expect=1)

    assert "nothing is called 'gamma'" in refused.stderr
    assert "alpha" in refused.stderr


def test_a_second_up_is_told_that_the_first_one_runs(system):
    refused = system.command("up", expect=1)

    assert "already running" in refused.stderr
    assert "quintet down" in refused.stderr


def test_a_second_detached_up_is_told_so_too(system):
    refused = system.command("up", "--detach", expect=1)

    assert "already running" in refused.stderr


def test_a_worker_runs_beside_its_service_with_the_same_environment(system):
    worker = system.unit("beta-worker")

    assert (worker["kind"], worker["state"]) == ("worker", "ready")
    eventually(lambda: "ticking for beta" in system.command("logs", "beta-worker").stdout)


def test_a_killed_worker_comes_back(system):
    before = system.unit("beta-worker")["pid"]

    os.kill(before, signal.SIGKILL)
    after = eventually(lambda: changed_pid(system, "beta-worker", before))

    assert after != before


def test_restart_gives_one_service_a_new_process(system):
    before = system.unit("beta")["pid"], system.unit("alpha")["pid"]

    system.command("restart", "beta")

    assert system.unit("beta")["pid"] != before[0]
    assert system.unit("alpha")["pid"] == before[1]


def test_a_killed_service_comes_back(system):
    before = system.unit("alpha")["pid"]

    os.kill(before, signal.SIGKILL)

    after = eventually(lambda: system.unit("alpha")["pid"] not in {before, None})
    system.command("wait", "alpha")
    assert after
    assert decoded(system.ask("/api/v1/alpha/"))["service"] == "alpha"


def test_the_gateway_answers_for_a_service_that_is_down(system):
    before = system.unit("alpha")["pid"]
    os.kill(before, signal.SIGKILL)

    answer = system.ask("/api/v1/alpha/")
    system.command("wait", "alpha")

    assert answer.status == 502
    assert decoded(answer)["error"]["code"] == "EXTERNAL_SERVICE_ERROR"


def test_a_killed_postgres_comes_back_with_its_data(system):
    before = system.unit("postgres")["pid"]

    os.kill(before, signal.SIGKILL)

    eventually(lambda: system.unit("postgres")["pid"] not in {before, None})
    system.command("wait", "postgres")
    assert "[X]" in system.command("manage", "alpha", "showmigrations", "contenttypes").stdout


def test_an_unready_service_is_degraded_and_keeps_its_process(system):
    before = system.unit("alpha")["pid"]
    mark = system.root / "alpha" / "alpha" / "unready"

    mark.touch()
    eventually(lambda: system.unit("alpha")["state"] == "degraded")
    mark.unlink()
    eventually(lambda: system.unit("alpha")["state"] == "ready")

    assert system.unit("alpha")["pid"] == before


def test_a_management_command_has_the_environment_of_its_service(system):
    code = "import os; print(os.environ['SERVICE_NAME'], os.environ['ALPHA_SERVICE_URL'])"

    said = system.command("manage", "beta", "shell", "--no-imports", "-c", code).stdout

    assert said.startswith("beta http://127.0.0.1:")


def test_a_management_command_hands_on_its_exit_code(system):
    assert "Unknown command" in system.command("manage", "beta", "nonsense", expect=1).stderr


def test_logs_show_the_lines_of_the_named_service(system):
    shown = system.command("logs", "alpha").stdout

    assert "alpha │" in shown
    assert "beta │" not in shown


def test_logs_of_something_unknown_name_what_there_is(system):
    assert "alpha" in system.command("logs", "gamma", expect=1).stderr


def test_followed_logs_show_what_happens_next(system):
    follower = system.spawn("logs", "gateway", "--follow", "--json", "-n", "0")

    eventually(lambda: system.ask("/followed/").status == 404 and system.says("/followed/"))

    follower.terminate()
    follower.wait(timeout=10)


def test_the_control_socket_is_for_this_user_only(system):
    assert (system.state / control.SOCKET).stat().st_mode & 0o077 == 0
    assert system.state.stat().st_mode & 0o077 == 0


def test_one_service_cannot_open_the_database_of_another(system):
    code = (
        "import os, psycopg; url = os.environ['DATABASE_URL']; "
        "psycopg.connect(url.rpartition('/')[0] + '/beta')"
    )

    refused = system.command("manage", "alpha", "shell", "--no-imports", "-c", code, expect=1)

    assert "permission denied for database" in refused.stderr


def test_a_killed_supervisor_leaves_nothing(stopped_system):
    stopped_system.command("up", "--detach")
    stopped_system.ask("/api/v1/alpha/child/")
    family = stopped_system.family()

    family[0].kill()

    assert len(family) > 8
    assert gone(family)


def test_the_next_start_after_a_kill_works(stopped_system):
    stopped_system.command("up", "--detach")
    family = stopped_system.family()
    for process in family[:2]:
        process.kill()

    stopped_system.command("up", "--detach")

    assert gone(family)
    assert stopped_system.unit("beta")["state"] == "ready"


def test_an_interrupt_stops_everything(stopped_system):
    supervisor = stopped_system.spawn("up")
    eventually(lambda: stopped_system.says("Ctrl-C"))
    family = stopped_system.family()

    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(timeout=30) == 0
    assert gone(family)


def test_a_second_interrupt_kills(stopped_system):
    supervisor = stopped_system.spawn("up")
    eventually(lambda: stopped_system.says("Ctrl-C"))
    family = stopped_system.family()
    with socket.create_connection(("127.0.0.1", stopped_system.unit("alpha")["port"])) as busy:
        busy.sendall(b"GET /slow/ HTTP/1.0\r\n\r\n")
        supervisor.send_signal(signal.SIGINT)
        eventually(lambda: stopped_system.says("once more kills"))
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(timeout=8)

    assert gone(family)


def test_down_stops_and_keeps_the_data(stopped_system):
    stopped_system.command("up", "--detach")

    stopped_system.command("down")

    assert (stopped_system.state / "postgres" / "data").is_dir()
    assert "not running" in stopped_system.command("status", expect=1).stderr


def test_down_with_volumes_says_what_it_removes(stopped_system):
    stopped_system.command("up", "--detach")

    said = stopped_system.command("down", "--volumes").stdout

    assert f"removed {stopped_system.state / 'postgres'}" in said
    assert not (stopped_system.state / "postgres").exists()


def test_a_taken_port_is_replaced_and_its_owner_named(stopped_system):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        throwaway.write_description(stopped_system.root, port=port)
        stopped_system.command("up", "--detach")

        said = (stopped_system.state / "logs" / "quintet.log").read_text(encoding="utf-8")
        gateway = stopped_system.status()["gateway"]

    assert f"port {port} is taken by pid {os.getpid()}" in said
    assert not gateway.endswith(f":{port}")


def test_a_crash_loop_leaves_the_rest_up(stopped_system):
    broken = stopped_system.root / "beta" / "beta" / "wsgi.py"
    broken.write_text("raise SystemExit('broken on purpose')\n", encoding="utf-8")

    failed = stopped_system.command("up", "--detach", expect=1)

    assert "beta is crashed" in failed.stderr
    assert "broken on purpose" in failed.stderr
    assert stopped_system.unit("alpha")["state"] == "ready"
    assert decoded(stopped_system.ask("/api/v1/alpha/"))["service"] == "alpha"


def test_a_url_of_the_environment_replaces_the_embedded_database(stopped_system):
    url = f"sqlite:///{quote(str(stopped_system.root))}/mine.db"
    named = {"ALPHA_DATABASE_URL": url, "BETA_DATABASE_URL": url, "CACHE_URL": "", "BROKER_URL": ""}

    stopped_system.command("up", "--detach", **named)

    names = [unit["name"] for unit in stopped_system.status()["units"]]
    assert "postgres" not in names
    assert stopped_system.status()["origins"]["alpha database"] == "ALPHA_DATABASE_URL"
    assert (stopped_system.root / "mine.db").is_file()


def test_a_change_restarts_only_the_service_it_belongs_to(stopped_system):
    stopped_system.command("up", "--detach", "--reload")
    before = {name: stopped_system.unit(name)["pid"] for name in ("alpha", "beta", "beta-worker")}

    with (stopped_system.root / "beta" / "beta" / "wsgi.py").open("a", encoding="utf-8") as code:
        code.write("VERSION = 2\n")
    eventually(lambda: changed_pid(stopped_system, "beta", before["beta"]))
    eventually(lambda: changed_pid(stopped_system, "beta-worker", before["beta-worker"]))

    assert stopped_system.unit("alpha")["pid"] == before["alpha"]


def test_a_service_that_a_change_made_unready_restarts_with_the_next_change(stopped_system):
    stopped_system.command("up", "--detach", "--reload")
    package = stopped_system.root / "beta" / "beta"
    (package / "unready").touch()

    for version in (2, 3):
        before = stopped_system.unit("beta")["pid"]
        with (package / "wsgi.py").open("a", encoding="utf-8") as code:
            code.write(f"VERSION = {version}\n")
        eventually(lambda pid=before: changed_pid(stopped_system, "beta", pid))

    (package / "unready").unlink()
    eventually(lambda: stopped_system.unit("beta")["state"] == "ready")


def test_two_systems_run_side_by_side(system, stopped_system):
    stopped_system.command("up", "--detach")

    assert stopped_system.status()["gateway"] != system.status()["gateway"]
    assert decoded(system.ask("/api/v1/alpha/"))["service"] == "alpha"


def test_ports_of_services_are_their_own(system):
    used = [unit["port"] for unit in system.status()["units"] if unit["port"]]

    assert len(set(used)) == len(used)
    assert not any(ports.is_free(port) for port in used)


def changed_pid(system, name, before):
    """The pid of a unit's new process, once it has one."""
    pid = system.unit(name)["pid"]
    return pid if pid not in {before, None} else None
