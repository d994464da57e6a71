"""Clusters that are stopped: what can be done with them, and how they come back."""
from e2e.rds_test import create_cluster, delete_cluster, psql, security_group, servers, wait_until, writer
from harness import Case, need


@need("psql")
class Stopped(Case):
    def test_instances_of_a_stopped_cluster_are_deleted_the_writer_first(self):
        rds = self.boreal.client("rds")
        before = servers(self.boreal.data)
        cluster = create_cluster(rds, "rests", 2, VpcSecurityGroupIds=[security_group(self.boreal)])
        psql(cluster["Endpoint"], "CREATE TABLE t AS SELECT 7 n")
        rds.stop_db_cluster(DBClusterIdentifier="rests")

        def status():
            return rds.describe_db_clusters(DBClusterIdentifier="rests")["DBClusters"][0]["Status"]

        def there():
            of_cluster = [{"Name": "db-cluster-id", "Values": ["rests"]}]
            return {i["DBInstanceIdentifier"]: i["DBInstanceStatus"] for i in rds.describe_db_instances(Filters=of_cluster)["DBInstances"]}

        wait_until("stopped", lambda: status() == "stopped")
        rds.delete_db_instance(DBInstanceIdentifier=writer(rds, "rests"))
        wait_until("the writer is gone", lambda: there() == {"rests-2": "stopped"})
        wait_until("nothing runs", lambda: servers(self.boreal.data) == before)
        self.assertEqual(status(), "stopped")
        rds.start_db_cluster(DBClusterIdentifier="rests")
        wait_until("back", lambda: (status(), there()) == ("available", {"rests-2": "available"}))
        self.assertEqual(psql(cluster["Endpoint"], "SELECT n FROM t"), "7")
        delete_cluster(rds, "rests")
