"""ConnectorX, to an Arrow table.

settings: source (postgres or mariadb), protocol, partitions: how many ranges of l_orderkey are read at once.
"""

import connectorx

import common


def main():
    task = common.task()
    work, settings = task["work"], task["work"]["settings"]
    server = task["servers"][settings["source"]]
    scheme = "postgresql" if settings["source"] == "postgres" else "mysql"
    tls = "?sslmode=disable" if scheme == "postgresql" else ""
    url = "{scheme}://{user}:{password}@{host}:{port}/{database}{tls}".format(scheme=scheme, tls=tls, **server)
    options = {"protocol": settings["protocol"], "return_type": "arrow"}
    if int(settings["partitions"]) > 1:
        options |= {"partition_on": "l_orderkey", "partition_num": int(settings["partitions"])}
    table, seconds = common.timed(lambda: connectorx.read_sql(url, work["sql"], **options))
    common.tell(seconds, table, verify=task["verify"])


main()
