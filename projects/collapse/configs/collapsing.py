# The same network, data, views, weights and schedule; only the unlabeled loss
# is another.
_base_ = './posecons.py'
custom_imports = dict(
    imports=['semipose_mm', 'collapsing_estimator'],
    allow_failed_imports=False)
model = dict(type='CollapsingEstimator')
