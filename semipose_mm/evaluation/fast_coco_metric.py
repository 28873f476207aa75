# Copyright (c) semipose_mm authors.
"""CocoMetric with a compiled evaluation."""
import logging
import warnings
from typing import Any, Dict, List, Optional, Sequence, Set

import numpy as np
from mmengine.logging import print_log
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import METRICS

from semipose_mm.data_files import WARNING, Findings
from semipose_mm.data_files.coco_truth import scoring_truth
from .plain_coco import plain_results, plain_truth

try:
    import hotcoco
except ImportError:  # CocoMetric as it is
    hotcoco = None

# once, however many networks are scored
_said = set()


def _say(line: str) -> None:
    """Warn, unless that was said already."""
    if line not in _said:
        _said.add(line)
        print_log(line, 'current', logging.WARNING)


@METRICS.register_module()
class FastCocoMetric(CocoMetric):
    """``CocoMetric`` that evaluates with hotcoco, where that is installed.

    Scores are those of ``CocoMetric``. What hotcoco does not know, such as
    ``iou_type='keypoints_crowd'``, is left to ``CocoMetric``'s evaluation.
    The file of results is only written if ``outfile_prefix`` asks for it.

    Annotations are scored as :func:`scoring_truth` reads them, which warns of
    areas that it takes from boxes. A prediction has the category of its
    annotation; without one, as for a detector's boxes, that of all
    annotations with keypoints. Persons that count but were not predicted are
    said.

    Args:
        *args, **kwargs: Those of ``mmpose.evaluation.CocoMetric``.
        category_ids (Sequence, optional): Ids of the categories that count;
            annotations of others are left out. Defaults to None, all

    Raises:
        ValueError: If there is no annotation of a category that counts, or
            a prediction could be of several.
    """

    def __init__(self,
                 *args,
                 category_ids: Optional[Sequence[Any]] = None,
                 **kwargs) -> None:
        self.category_ids = category_ids
        super().__init__(*args, **kwargs)

    # as CocoMetric has set it, in one of three places
    _given = _coco = None
    # of annotations with labeled joints
    _categories: Set[Any] = frozenset()

    @property
    def coco(self) -> Optional[Any]:
        """xtcocotools.COCO, optional: The annotations, mended."""
        if self._given is not None:
            coco, self._given = self._given, None
            coco.dataset = self._mended(
                self._chosen(coco.dataset, coco.anno_file[0]),
                coco.anno_file[0])
            coco.createIndex()
            anns = coco.dataset['annotations']
            self._categories = {
                ann['category_id']
                for ann in anns if ann['num_keypoints']
            } or set(coco.cats)
            self._coco = coco
        return self._coco

    @coco.setter
    def coco(self, coco: Optional[Any]) -> None:
        self._given, self._coco = coco, None

    def _chosen(self, content: dict, where: str) -> dict:
        """The content of a COCO file without categories that do not count."""
        anns = content.get('annotations', [])
        if self.category_ids is None or not anns:
            return content
        chosen = [a for a in anns if a['category_id'] in self.category_ids]
        if not chosen:
            raise ValueError(
                f'{where} has no annotation of the categories '
                f'{list(self.category_ids)}, which category_ids of '
                'FastCocoMetric names, but those of '
                f'{sorted({ann["category_id"] for ann in anns})}')
        return dict(content, annotations=chosen)

    def _mended(self, content: dict, where: str) -> dict:
        """The content of a COCO file as it is scored."""
        findings = Findings(strict=False)
        # CrowdPose counts in its own way which joints are visible
        recount = self.iou_type != 'keypoints_crowd'
        truth = scoring_truth(content, where, findings, recount)
        for line in findings.lines(WARNING):
            _say(line)
        return truth

    def gt_to_coco_json(self, gt_dicts: Sequence[dict],
                        outfile_prefix: str) -> str:
        """Write the annotations that samples carry, see ``CocoMetric``.

        Args:
            gt_dicts (Sequence[dict]): With ``raw_ann_info``.
            outfile_prefix (str): Beginning of the file's name.

        Returns:
            str: The file.
        """
        anns = [a for gt in gt_dicts for a in gt['raw_ann_info'] if a]
        mended = iter(
            self._mended(dict(annotations=anns),
                         'val_dataloader')['annotations'])
        gt_dicts = [
            dict(
                gt,
                raw_ann_info=[a and next(mended) for a in gt['raw_ann_info']])
            for gt in gt_dicts
        ]
        return super().gt_to_coco_json(gt_dicts, outfile_prefix)

    def process(self, data_batch: Sequence[dict],
                data_samples: Sequence[dict]) -> None:
        """Keep the predictions of one batch, each with its category.

        Args:
            data_batch (Sequence[dict]): Not used.
            data_samples (Sequence[dict]): Predictions with ground truth.
        """
        start = len(self.results)
        super().process(data_batch, data_samples)
        for (pred, _), sample in zip(self.results[start:], data_samples):
            pred['category_id'] = self._category(sample)

    def _category(self, sample: dict) -> Any:
        """The category of a sample's prediction."""
        category = sample.get('category_id')
        if category is None and isinstance(sample.get('raw_ann_info'), dict):
            category = sample['raw_ann_info'].get('category_id')
        if category is not None:
            category = np.asarray(category)
            return category.item() if category.size == 1 else category
        used = self._categories
        if len(used) == 1:
            return next(iter(used))
        # MMPose's datasets take a detector's boxes of category 1 alone
        if 1 in used or not used or not self.coco.anns:
            return 1
        raise ValueError(
            f'{self.coco.anno_file[0]} has keypoints of the categories '
            f'{sorted(used)}, and samples do not say which is theirs. Add '
            "'category_id' to meta_keys of PackPoseInputs and use the "
            "annotated boxes (bbox_file=''), or give one category a file of "
            'its own')

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the scores, and say which persons were not predicted.

        Args:
            results (list): What :meth:`process` has kept.

        Returns:
            Dict[str, float]: Scores by name.
        """
        if self.coco is not None:
            self._say_missed([pred for pred, _ in results])
        return super().compute_metrics(results)

    def _say_missed(self, preds: List[dict]) -> None:
        """Warn of annotations that a dataset of annotated boxes lacks."""
        anns = self.coco.anns
        ids = [p['id'] for p in preds if np.isscalar(p['id'])]
        if len(ids) < len(preds) or not all(
                i in anns and anns[i]['image_id'] == p['img_id']
                for i, p in zip(ids, preds)):
            return  # a detector's boxes, or several persons a sample
        count = [
            i for i, ann in anns.items()
            if ann['num_keypoints'] and not ann['iscrowd']
        ]
        missed = sorted(set(count) - set(ids))
        if missed:
            _say(f'{self.coco.anno_file[0]}: {len(missed)} of {len(count)} '
                 'annotations with labeled joints are scored as missed, since '
                 'the dataset has left them out: those of id '
                 f'{", ".join(map(str, missed[:3]))}'
                 f'{", ..." if len(missed) > 3 else ""}. Their box may be '
                 'empty or outside the image, their num_keypoints 0, or the '
                 'dataset may be a part of the file')

    def results2json(self, keypoints: Dict[int, list],
                     outfile_prefix: str) -> None:
        """Keep the results for the evaluation, and write them.

        Args:
            keypoints (dict): Predicted persons of each image.
            outfile_prefix (str): Beginning of the file's name.
        """
        self._evaluation = None if self.format_only else \
            self._build_evaluation(keypoints)
        if self._evaluation is None or self.outfile_prefix is not None:
            super().results2json(keypoints, outfile_prefix)

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list:
        """Evaluate what :meth:`results2json` has kept.

        Args:
            outfile_prefix (str): Beginning of the file's name.

        Returns:
            list: Pairs of a score's name and its value.
        """
        evaluation, self._evaluation = self._evaluation, None
        if evaluation is None:
            return super()._do_python_keypoint_eval(outfile_prefix)
        with warnings.catch_warnings():
            # each dataset has its own sigmas
            warnings.filterwarnings('ignore', message='.*kpt_oks_sigmas')
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        names = [
            'AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR', 'AR .5',
            'AR .75', 'AR (M)', 'AR (L)'
        ]
        return list(zip(names, evaluation.stats))

    def _build_evaluation(
            self, keypoints: Dict[int, list]) -> Optional['hotcoco.COCOeval']:
        """Hotcoco's evaluation, or none if it might not be CocoMetric's."""
        if hotcoco is None or self.iou_type != 'keypoints':
            return None
        truth = plain_truth(self.coco, self.use_area)
        found = plain_results(keypoints)
        if truth is None or not found or not all(
                d['image_id'] in self.coco.imgs and np.isfinite(d['score'])
                and np.isfinite(d['keypoints']).all() for d in found):
            return None
        truth = hotcoco.COCO(truth)
        evaluation = hotcoco.COCOeval(truth, truth.load_res(found),
                                      'keypoints')
        # squared in the precision in which xtcocotools squares them
        variances = (self.dataset_meta['sigmas'] * 2)**2
        evaluation.params.kpt_oks_sigmas = (np.sqrt(variances.astype(float)) /
                                            2).tolist()
        return evaluation
