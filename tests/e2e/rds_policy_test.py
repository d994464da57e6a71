"""Databases and policies: what is not allowed is not done by another way either."""
import time
from concurrent.futures import ThreadPoolExecutor

from e2e.helpers import allow, user
from harness import Case, error_code

FAMILY = "aurora-postgresql13"
MINE = [{"Key": "team", "Value": "eve"}]
OF_TEAM = {"StringEquals": {"aws:ResourceTag/team": "eve"}}


def arn(kind, name):
    return f"arn:aws:rds:us-east-1:000000000000:{kind}:{name}"


class Names(Case):
    def test_a_name_that_another_gets_gives_no_power_over_it(self):
        """Who may delete what is her team's does not delete what others make under its name while her call waits."""
        rds = self.boreal.client("rds")
        eve = user(self, "rds-eve", allow("rds:*", Condition=OF_TEAM))

        def make(client, name, **more):
            return client.create_db_cluster_parameter_group(DBClusterParameterGroupName=name, DBParameterGroupFamily=FAMILY,
                                                            Description="d", **more)

        make(rds, "busy")
        clients = [self.boreal.client("rds") for _ in range(20)]
        hers = [eve("rds") for _ in range(2)]
        for client in clients:
            client.describe_db_cluster_parameter_groups(DBClusterParameterGroupName="busy")  # connected
        for client in hers:
            self.assertEqual(error_code(client.describe_db_cluster_parameter_groups, DBClusterParameterGroupName="busy"), "AccessDenied")

        def keep_busy(client):
            for number in range(4):
                client.add_tags_to_resource(ResourceName=arn("cluster-pg", "busy"), Tags=[{"Key": "n", "Value": str(number)}])

        with ThreadPoolExecutor(len(clients) + len(hers)) as pool:
            for number in range(4):
                name = f"one-{number}"
                make(rds, name, Tags=MINE)
                busy = [pool.submit(keep_busy, client) for client in clients]
                time.sleep(0.02)
                calls = []
                for call in (lambda: hers[0].delete_db_cluster_parameter_group(DBClusterParameterGroupName=name),
                             lambda: make(rds, name),
                             lambda: hers[1].delete_db_cluster_parameter_group(DBClusterParameterGroupName=name)):
                    calls.append(pool.submit(call))
                    time.sleep(0.01)
                for each in busy + calls:
                    each.exception()
                if not calls[0].exception() and not calls[1].exception():
                    rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=name)
