import pytest

from prefill_assets.warehouse.store import Warehouse


@pytest.fixture(scope="module")
def shared_warehouse(tmp_path_factory) -> Warehouse:
    """A warehouse for tests that replace one partition again and again."""
    return Warehouse(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")
